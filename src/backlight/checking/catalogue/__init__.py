"""What each mistake does to the numbers of a backward pass, a family a file."""
