"""What Maven wrote down: its layout, its metadata files, its order of versions. Pure."""
