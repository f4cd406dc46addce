"""What stacks of each type say, one file each, named after the type; nothing lists them."""
