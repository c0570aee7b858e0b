"""A script as it is made for murmur. It evaluates what comes on its standard input,
line by line, and answers each line with one of JSON. Usage: mumble_script.py PORT"""
import json
import sys
import tempfile

import Ice

props = Ice.createProperties()
props.setProperty("Ice.ImplicitContext", "Shared")
init = Ice.InitializationData()
init.properties = props
told, refused, asked = [], set(), []

with Ice.initialize(init) as ic:
    base = ic.stringToProxy("Meta:tcp -h 127.0.0.1 -p " + sys.argv[1])
    raw = base.ice_invoke("getSlice", Ice.OperationMode.Idempotent, b"")[1]
    text = raw[11:11 + int.from_bytes(raw[7:11], "little")].decode()
    text = text.replace("#include <Ice/SliceChecksumDict.ice>", "module Ice { dictionary<string, string> SliceChecksumDict; };")
    with tempfile.NamedTemporaryFile(suffix=".ice") as f:
        f.write(text.encode())
        f.flush()
        Ice.loadSlice("", [f.name])
    import Murmur as M

    meta = M.MetaPrx.checkedCast(base)
    adapter = ic.createObjectAdapterWithEndpoints("a", "tcp -h 127.0.0.1")

    def secret(s):
        ic.getImplicitContext().put("secret", s)

    def server():
        return M.ServerPrx.checkedCast(meta.getServer(1))

    def user(name):
        return next((u for u in server().getUsers().values() if u.name == name), None)

    def channel(name):
        return next((c for c in server().getChannels().values() if c.name == name), None)

    def change(name, **what):
        u = user(name)
        for k, v in what.items():
            setattr(u, k, v)
        server().setState(u)

    def teller(kind):
        return lambda self, *a: told.append([kind] + [getattr(x, "name", getattr(x, "text", None)) for x in a[:-1]])

    kinds = ["userConnected", "userDisconnected", "userStateChanged", "userTextMessage", "channelCreated", "channelRemoved", "channelStateChanged"]
    Callback = type("Callback", (M.ServerCallback,), {k: teller(k) for k in kinds})

    class Authenticator(M.ServerAuthenticator):
        def authenticate(self, name, pw, certs, certhash, strong, current):
            asked.append([name, pw, len(certs), current.ctx.get("secret", "")])
            if name in refused:
                return (-1, "", [])
            return (4000, name.upper(), ["scouts"])

        def getInfo(self, id, current):
            return (False, {})

        def nameToId(self, name, current):
            return -2

        def idToName(self, id, current):
            return ""

        def idToTexture(self, id, current):
            return bytes()

    callback = M.ServerCallbackPrx.uncheckedCast(adapter.addWithUUID(Callback()))
    authenticator = M.ServerAuthenticatorPrx.uncheckedCast(adapter.addWithUUID(Authenticator()))
    adapter.activate()
    for line in sys.stdin:
        try:
            out = eval(line)
        except Ice.UnknownException as e:
            out = {"refused": e.unknown}
        except Ice.Exception as e:
            out = {"thrown": e.ice_id()}
        print(json.dumps(out, default=lambda o: {k: v for k, v in vars(o).items() if not isinstance(v, bytes)}), flush=True)
