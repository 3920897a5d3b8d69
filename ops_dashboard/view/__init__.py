"""What is shown, as data: the board, its lines and figures, the words of a page. Pure."""
