"""Where wards stand on a map: a tile each, or in the operator's boundaries. Pure."""
