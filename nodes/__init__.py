"""The node library: one file per kind, the folder is the family. The files are found by a scan, as a user's own are."""
