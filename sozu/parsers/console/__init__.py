"""What `python -m sozu.parsers` is made of, without its input and output: streams as events, verdicts, and how outcomes are shown.

messages.py reads a stream of HTTP/1 messages; verdicts.py judges an input as a whole; anatomy.py tells what a grammar is made of;
rendering.py makes JSON and carets out of outcomes.
"""
