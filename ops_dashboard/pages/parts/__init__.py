"""What several pages share: frame, header, filters, help of keys. Shell."""
