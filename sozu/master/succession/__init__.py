"""How one master follows another without a client noticing (docs/life_of_an_upgrade.md).

estate      everything that the next master gets: facts, descriptors, unread bytes; nothing else exists
handing     a master gathers its estate
exec        the moment between two programs of one process
inheriting  what an estate becomes
trial       new code shows that it can be master and worker, before anything depends on it
upgrade     the verbs: bring one worker, or everything, to the code on disk
"""
