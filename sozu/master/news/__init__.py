"""What happens to this proxy, told to those who listen.

events     the last ten thousand, numbered
chronicle  what a publication means to them
"""
