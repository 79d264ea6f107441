"""Training is killed at random instants, and its disk fills; what is lost, and does it go on to the same weights?"""
