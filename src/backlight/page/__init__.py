"""The live page on loopback: a playground that trains in this process, and a viewer of run folders."""
