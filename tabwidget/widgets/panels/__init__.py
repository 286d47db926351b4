"""The panels, one file each; they are found in this folder and need no other entry."""
