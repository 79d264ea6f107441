"""One family of causes a file; each rule is a function of a `Record` that gives findings."""
