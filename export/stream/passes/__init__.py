"""What is done to a graph before it is lowered: other converters' ways of saying a thing turned into the usual one.

A pass is a pure function from graph to graph, and one file. None touches a graph that is lowered as it is.
"""
