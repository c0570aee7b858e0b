"""What a script made for murmur does. Usage: script.py ENDPOINT SECRET MODULE"""
import json
import sys
import tempfile
import time

import Ice

endpoint, secret, module = sys.argv[1:4]
out = {}

props = Ice.createProperties()
props.setProperty("Ice.Default.EncodingVersion", sys.argv[4])
props.setProperty("Ice.ImplicitContext", "Shared")
init = Ice.InitializationData()
init.properties = props


def thrown(f, *args):
    try:
        f(*args)
    except Ice.Exception as e:
        return e.ice_id()
    return "nothing"


with Ice.initialize(init) as ic:
    base = ic.stringToProxy("Meta:tcp -h 127.0.0.1 -p " + endpoint)
    # The interface comes from the server, as mice does it. A script that was made
    # for 1.5 brings its own, which differs in its name and in one field.
    ok, raw = base.ice_invoke("getSlice", Ice.OperationMode.Idempotent, b"")
    text = raw[6:]
    n, skip = text[0], 1
    if n == 255:
        n, skip = int.from_bytes(text[1:5], "little"), 5
    text = text[skip:skip + n].decode()
    out["slice"] = len(text)
    if module == "MumbleServer":
        text = text.replace("module Murmur", "module MumbleServer").replace("MurmurException", "ServerException")
        text = text.replace("int version;", "int version;\n long version2;")
    # Debian has the included file in a package of its own.
    text = text.replace("#include <Ice/SliceChecksumDict.ice>", "module Ice { dictionary<string, string> SliceChecksumDict; };")
    with tempfile.NamedTemporaryFile(suffix=".ice") as f:
        f.write(text.encode())
        f.flush()
        Ice.loadSlice("", [f.name])
    M = __import__(module)

    meta = M.MetaPrx.checkedCast(base)
    out["ids"] = meta.ice_ids()
    out["version"] = meta.getVersion()
    out["no secret"] = thrown(meta.getBootedServers)
    ic.getImplicitContext().put("secret", "wrong" + secret)
    out["wrong secret"] = thrown(meta.getBootedServers)
    ic.getImplicitContext().put("secret", "read-" + secret)
    srv = meta.getBootedServers()[0]
    out["server"] = [srv.id(), srv.isRunning(), str(meta.getServer(7))]
    srv = M.ServerPrx.checkedCast(srv)
    out["write with the secret to read"] = thrown(srv.kickUser, 1, "x")
    ic.getImplicitContext().put("secret", secret)

    out["users"] = {k: [u.name, u.channel, u.userid, u.version, u.release, u.tcpPing, len(u.address)] for k, u in srv.getUsers().items()}
    out["channels"] = {k: [c.name, c.parent, c.links] for k, c in srv.getChannels().items()}

    def tree(t):
        return [t.c.name, [u.name for u in t.users], [tree(c) for c in t.children]]

    out["tree"] = tree(srv.getTree())
    u = srv.getState(1)
    u.channel, u.mute = 2, True
    srv.setState(u)
    out["moved"] = [srv.getState(1).channel, srv.getState(1).mute]
    out["no such session"] = thrown(srv.getState, 99)
    u.session = 99
    out["set no such session"] = thrown(srv.setState, u)
    srv.kickUser(2, "go away")
    srv.sendMessage(1, "hello")
    srv.sendMessageChannel(2, True, "all of you")
    ch = srv.addChannel("Green", 0)
    c = srv.getChannelState(ch)
    c.description = "new"
    srv.setChannelState(c)
    out["channel"] = [srv.getChannelState(ch).name, srv.getChannelState(ch).description]
    srv.removeChannel(ch)
    out["no such channel"] = thrown(srv.getChannelState, ch)
    acls, groups, inherit = srv.getACL(1)
    out["acl"] = [[a.group, a.allow, a.deny] for a in acls] + [g.name for g in groups] + [inherit]
    acls.append(M.ACL(True, False, False, -1, "tak.x", 8, 0))
    srv.setACL(1, acls, groups, False)
    out["acl set"] = [len(srv.getACL(1)[0]), srv.getACL(1)[2]]
    out["may"] = [srv.hasPermission(1, 1, 8), srv.hasPermission(1, 1, 1), srv.effectivePermissions(1, 1)]
    srv.addUserToGroup(0, 1, "g")
    srv.removeUserFromGroup(0, 1, "g")
    srv.redirectWhisperGroup(1, "a", "b")
    srv.setBans([M.Ban(tuple([0] * 10 + [255, 255, 192, 0, 2, 1]), 128, "eve", "", "why", 5, 60)])
    out["bans"] = [[b.address[-1], b.bits, b.name, b.duration] for b in srv.getBans()]
    out["registered"] = srv.getRegisteredUsers("an")
    out["names"] = srv.getUserNames([7, 8])
    out["numbers"] = srv.getUserIds(["ann", "nobody"])
    out["registration"] = {str(k): v for k, v in srv.getRegistration(7).items()}
    out["no such user"] = thrown(srv.getRegistration, 99)
    new = srv.registerUser({M.UserInfo.UserName: "new", M.UserInfo.UserPassword: "p"})
    srv.updateRegistration(new, {M.UserInfo.UserComment: "hi"})
    out["new"] = [new, srv.getRegistration(new)[M.UserInfo.UserComment]]
    srv.unregisterUser(new)
    out["verify"] = [srv.verifyPassword("ann", "right"), srv.verifyPassword("ann", "x"), srv.verifyPassword("nobody", "x")]
    srv.setTexture(7, bytes([1, 2, 3]))
    out["texture"] = list(srv.getTexture(7))
    srv.setConf("welcometext", "hi")
    out["conf"] = [srv.getConf("welcometext"), srv.getAllConf(), meta.getDefaultConf(), thrown(srv.getConf, "key")]
    out["log"] = [[l.txt for l in srv.getLog(0, 10)], srv.getLogLen()]
    out["uptime"] = [srv.getUptime() >= 0, meta.getUptime() >= 0]
    out["certificates"] = [list(c) for c in srv.getCertificateList(1)]
    out["checksums"] = meta.getSliceChecksums()
    out["refused"] = [thrown(f, *a) for f, a in (
        (srv.start, ()), (srv.stop, ()), (srv.delete, ()), (meta.newServer, ()),
        (srv.setSuperuserPassword, ("x",)), (srv.updateCertificate, ("a", "b", "c")))]
    out["no such object"] = thrown(ic.stringToProxy("nothing:tcp -h 127.0.0.1 -p " + endpoint).ice_ping)
    out["no such operation"] = thrown(lambda: base.ice_invoke("x", Ice.OperationMode.Normal, b"")[0] or None)

    # Callbacks and an authenticator.
    adapter = ic.createObjectAdapterWithEndpoints("a", "tcp -h 127.0.0.1")
    told = []
    class Server(M.ServerCallback):
        def userConnected(self, state, current):
            told.append(["userConnected", state.name, state.release, current.ctx.get("secret") == secret])

        def userDisconnected(self, state, current):
            told.append(["userDisconnected", state.name])

        def userStateChanged(self, state, current):
            told.append(["userStateChanged", state.name, state.mute])

        def userTextMessage(self, state, message, current):
            told.append(["userTextMessage", message.text, message.channels])

        def channelCreated(self, state, current):
            told.append(["channelCreated", state.name])

        def channelRemoved(self, state, current):
            told.append(["channelRemoved", state.name])

        def channelStateChanged(self, state, current):
            told.append(["channelStateChanged", state.name])

    class Meta(M.MetaCallback):
        def started(self, srv, current):
            told.append(["started", srv.ice_getIdentity().name])

        def stopped(self, srv, current):
            pass

    class Menu(M.ServerContextCallback):
        def contextAction(self, action, usr, session, channelid, current):
            told.append(["contextAction", action, usr.name, session, channelid])

    class Auth(M.ServerUpdatingAuthenticator):
        def authenticate(self, name, pw, certs, certhash, strong, current):
            told.append(["authenticate", name, pw, [list(c) for c in certs], certhash, strong])
            if name == "crash":
                raise RuntimeError("x")
            return (42, name + "!", ["blue"])

        def getInfo(self, id, current):
            return (True, {M.UserInfo.UserName: "n"})

        def nameToId(self, name, current):
            return -2

        def idToName(self, id, current):
            return "n%d" % id

        def idToTexture(self, id, current):
            return bytes([9])

        def registerUser(self, info, current):
            return -1

        def unregisterUser(self, id, current):
            return 0

        def getRegisteredUsers(self, filter, current):
            return {}

        def setInfo(self, id, info, current):
            return 0

        def setTexture(self, id, tex, current):
            return 0

    def proxy(servant, prx):
        return prx.uncheckedCast(adapter.addWithUUID(servant))

    scb, mcb = proxy(Server(), M.ServerCallbackPrx), proxy(Meta(), M.MetaCallbackPrx)
    ccb, auth = proxy(Menu(), M.ServerContextCallbackPrx), proxy(Auth(), M.ServerAuthenticatorPrx)
    adapter.activate()
    srv.addCallback(scb)
    srv.addCallback(scb)
    meta.addCallback(mcb)
    srv.addContextCallback(1, "act", "Act!", ccb, M.ContextUser)
    out["null callback"] = thrown(srv.addCallback, None)
    far = M.ServerCallbackPrx.uncheckedCast(ic.stringToProxy("x:tcp -h 192.0.2.1 -p 9"))
    srv.addCallback(far)
    out["far authenticator"] = thrown(srv.setAuthenticator, M.ServerAuthenticatorPrx.uncheckedCast(far))
    srv.setAuthenticator(auth)
    print("READY", flush=True)  # the house makes its events
    sys.stdin.readline()
    for _ in range(1000):  # they come over several connections
        if len(told) == 11:
            break
        time.sleep(0.01)
    srv.removeCallback(scb)
    srv.removeContextCallback(ccb)
    meta.removeCallback(mcb)
    out["told"] = told
    print(json.dumps(out), flush=True)
