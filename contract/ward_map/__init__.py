"""Where wards stand on a map: a tile a ward, or the operator's own boundaries (pure); imports only
`contract`."""
