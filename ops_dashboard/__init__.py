"""The wall and the engineers' pages: hub, API, Dash pages, live assets."""
