"""Pictures that the server draws: places in shares of the width, so that they fit any page."""
