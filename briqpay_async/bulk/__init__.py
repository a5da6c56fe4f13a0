"""Bulk updates: any number of rows become minimal PATCHes, in constant memory, and survive being killed."""
