"""What happens to this proxy, told to those who listen.

events     the last ten thousand, numbered
expiry     certificates that expire soon
chronicle  what a publication means to them
"""
