"""What the client costs, measured against its peers. See README.md beside this file."""
