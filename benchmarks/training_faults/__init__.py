"""Training programs with one planted fault each, and healthy ones beside them: what does `diagnose` say of their runs?"""
