"""What a session needs from outside, as interfaces. Packages of the outer layers implement them."""
