class Peers:
    def __init__(self,*a): pass
    def prepare(self, names): pass
    def versions(self): return {}
