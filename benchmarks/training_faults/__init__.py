"""Training programs with one planted fault each, and healthy ones: what does `diagnose` say of their runs?"""
