package door

import (
	"context"
	"maps"

	"muster/voice/murmur"
)

// serverOps are the operations of Server, and what each must bring along.
// verifyPassword and getCertificateList tell what is nobody's business, so they
// take the secret to write.
var serverOps = gather(
	lifeOps, peopleOps, channelOps, rightsOps, registerOps,
)

func gather(parts ...map[string]operation) map[string]operation {
	all := make(map[string]operation)
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// lifeOps concern the server as a whole.
var lifeOps = map[string]operation{
	"id":                   {read, func(_ context.Context, c *call) error { c.out.Int(serverID); return c.end() }},
	"isRunning":            {read, func(_ context.Context, c *call) error { c.out.Bool(true); return c.end() }},
	"start":                {write, func(context.Context, *call) error { return murmur.ServerBooted }},
	"stop":                 refuse("it is stopped with the whole server"),
	"delete":               refuse("it goes with the whole server"),
	"setSuperuserPassword": refuse("administrators are users of this server"),
	"updateCertificate":    refuse("certificates are those of the whole server"),
	"getUptime":            {read, uptime},
	"addCallback":          {write, addCallback(aboutServer)},
	"removeCallback":       {write, removeCallback(aboutServer)},
	"setAuthenticator": {write, func(ctx context.Context, c *call) error {
		p := c.in.Proxy()
		if err := c.end(); err != nil {
			return err
		}
		return c.d.setAuthenticator(ctx, p)
	}},
	"getAllConf": {read, func(ctx context.Context, c *call) error {
		conf, err := c.conf(ctx)
		murmur.WriteStrings(&c.out, conf)
		return firstError(c.end(), err)
	}},
	"getConf": {read, func(ctx context.Context, c *call) error {
		key := c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		if key == "key" || key == "passphrase" {
			return murmur.WriteOnly
		}
		conf, err := c.conf(ctx)
		c.out.String(conf[key])
		return err
	}},
	"setConf": {write, func(ctx context.Context, c *call) error {
		key, value := c.in.String(), c.in.String()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Settings == nil:
			return without("settings that scripts change")
		}
		return c.Settings.SetConf(ctx, key, value)
	}},
	"getLog": {read, func(ctx context.Context, c *call) error {
		first, last := c.in.Int(), c.in.Int()
		var lines []murmur.LogEntry
		err := c.end()
		if err == nil && c.Settings != nil && first >= 0 && last > first {
			lines, err = c.Settings.Log(ctx, int(first), int(last))
		}
		murmur.WriteSeq(&c.out, lines)
		return err
	}},
	"getLogLen": {read, func(ctx context.Context, c *call) error {
		n, err := 0, c.end()
		if err == nil && c.Settings != nil {
			n, err = c.Settings.LogLen(ctx)
		}
		c.out.Int(int32(n))
		return err
	}},
	"getBans": {read, func(ctx context.Context, c *call) error {
		var bans []murmur.Ban
		err := c.end()
		if err == nil && c.House.Bans != nil {
			bans, err = c.House.Bans.Bans(ctx)
		}
		murmur.WriteSeq(&c.out, bans)
		return err
	}},
	"setBans": {write, func(ctx context.Context, c *call) error {
		bans := murmur.ReadBans(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.House.Bans == nil:
			return without("bans")
		}
		return c.House.Bans.SetBans(ctx, bans)
	}},
}

func (c *call) conf(ctx context.Context) (map[string]string, error) {
	if c.Settings == nil {
		return nil, nil
	}
	return c.Settings.Conf(ctx)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// peopleOps concern those who are connected.
var peopleOps = map[string]operation{
	"getUsers": {read, func(ctx context.Context, c *call) error {
		users, err := c.users(ctx)
		murmur.WriteDict(&c.out, users, func(u murmur.User) { u.Write(&c.out, c.dialect) })
		return firstError(c.end(), err)
	}},
	"getState": {read, func(ctx context.Context, c *call) error {
		session := c.in.Int()
		users, err := c.users(ctx)
		if err := firstError(c.end(), err); err != nil {
			return err
		}
		u, ok := users[session]
		if !ok {
			return murmur.InvalidSession
		}
		u.Write(&c.out, c.dialect)
		return nil
	}},
	"setState": {write, func(ctx context.Context, c *call) error {
		u := c.dialect.ReadUser(c.in)
		if err := c.end(); err != nil {
			return err
		}
		return c.People.SetUser(ctx, u)
	}},
	"kickUser": {write, func(ctx context.Context, c *call) error {
		session, reason := c.in.Int(), c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		return c.People.Kick(ctx, session, reason)
	}},
	"sendMessage": {write, func(ctx context.Context, c *call) error {
		session, text := c.in.Int(), c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		return c.People.Message(ctx, session, text)
	}},
	"getCertificateList": {write, func(ctx context.Context, c *call) error {
		session := c.in.Int()
		if err := c.end(); err != nil {
			return err
		}
		certs, err := c.People.Certificates(ctx, session)
		c.out.Size(len(certs))
		for _, der := range certs {
			c.out.Blob(der)
		}
		return err
	}},
	"addContextCallback": {write, func(ctx context.Context, c *call) error {
		session, action, text := c.in.Int(), c.in.String(), c.in.String()
		p, places := c.in.Proxy(), c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Menus == nil:
			return without("menus that scripts change")
		}
		if err := c.d.callbacks.add(callback{about: aboutMenu, proxy: p, dialect: c.dialect, action: action, server: c.server()}); err != nil {
			return err
		}
		err := c.Menus.AddAction(ctx, session, action, text, places)
		if err != nil {
			c.d.callbacks.remove(aboutMenu, p)
		}
		return err
	}},
	"removeContextCallback": {write, func(ctx context.Context, c *call) error {
		p := c.in.Proxy()
		if err := c.end(); err != nil {
			return err
		}
		for _, action := range c.d.callbacks.remove(aboutMenu, p) {
			if err := c.Menus.RemoveAction(ctx, action); err != nil {
				return err
			}
		}
		return nil
	}},
	"redirectWhisperGroup": {write, func(ctx context.Context, c *call) error {
		session, source, target := c.in.Int(), c.in.String(), c.in.String()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Menus == nil:
			return without("whispers that scripts redirect")
		}
		return c.Menus.Redirect(ctx, session, source, target)
	}},
}

// users returns who is connected, by session.
func (c *call) users(ctx context.Context) (map[int32]murmur.User, error) {
	list, err := c.People.Users(ctx)
	out := make(map[int32]murmur.User, len(list))
	for _, u := range list {
		out[u.Session] = u
	}
	return out, err
}

// channels returns the channels by number.
func (c *call) channels(ctx context.Context) (map[int32]murmur.Channel, error) {
	list, err := c.Channels.Channels(ctx)
	out := make(map[int32]murmur.Channel, len(list))
	for _, ch := range list {
		out[ch.ID] = ch
	}
	return out, err
}

// channelOps concern channels.
var channelOps = map[string]operation{
	"getChannels": {read, func(ctx context.Context, c *call) error {
		all, err := c.channels(ctx)
		murmur.WriteDict(&c.out, all, func(ch murmur.Channel) { ch.Write(&c.out) })
		return firstError(c.end(), err)
	}},
	"getTree": {read, func(ctx context.Context, c *call) error {
		users, err := c.People.Users(ctx)
		channels, err2 := c.Channels.Channels(ctx)
		if err := firstError(c.end(), err, err2); err != nil {
			return err
		}
		murmur.WriteTree(&c.out, treeOf(channels, users), c.dialect)
		return nil
	}},
	"getChannelState": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		all, err := c.channels(ctx)
		if err := firstError(c.end(), err); err != nil {
			return err
		}
		ch, ok := all[id]
		if !ok {
			return murmur.InvalidChannel
		}
		ch.Write(&c.out)
		return nil
	}},
	"setChannelState": {write, func(ctx context.Context, c *call) error {
		ch := murmur.ReadChannel(c.in)
		if err := c.end(); err != nil {
			return err
		}
		return c.Channels.SetChannel(ctx, ch)
	}},
	"addChannel": {write, func(ctx context.Context, c *call) error {
		name, parent := c.in.String(), c.in.Int()
		if err := c.end(); err != nil {
			return err
		}
		id, err := c.Channels.AddChannel(ctx, name, parent)
		c.out.Int(id)
		return err
	}},
	"removeChannel": {write, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		if err := c.end(); err != nil {
			return err
		}
		return c.Channels.RemoveChannel(ctx, id)
	}},
	"sendMessageChannel": {write, func(ctx context.Context, c *call) error {
		id, tree, text := c.in.Int(), c.in.Bool(), c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		return c.Channels.Broadcast(ctx, id, tree, text)
	}},
}

// treeOf arranges channels below the root. Those whose parent is not there are
// left out, and so is what would be its own ancestor.
func treeOf(channels []murmur.Channel, users []murmur.User) *murmur.Tree {
	nodes := make(map[int32]*murmur.Tree, len(channels))
	for _, ch := range channels {
		nodes[ch.ID] = &murmur.Tree{Channel: ch}
	}
	root := nodes[0]
	if root == nil {
		root = &murmur.Tree{Channel: murmur.Channel{Parent: -1}}
	}
	for _, ch := range channels {
		if p := nodes[ch.Parent]; p != nil && ch.ID != 0 {
			p.Children = append(p.Children, nodes[ch.ID])
		}
	}
	for _, u := range users {
		if n := nodes[u.Channel]; n != nil {
			n.Users = append(n.Users, u)
		}
	}
	return root
}

// rightsOps concern who may do what.
var rightsOps = map[string]operation{
	"getACL": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Rights == nil:
			return without("access lists")
		}
		r, err := c.Rights.Rules(ctx, id)
		r.Write(&c.out)
		return err
	}},
	"setACL": {write, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		r := murmur.ReadRules(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Rights == nil:
			return without("access lists")
		}
		return c.Rights.SetRules(ctx, id, r)
	}},
	"effectivePermissions": {read, func(ctx context.Context, c *call) error {
		session, channel := c.in.Int(), c.in.Int()
		may, err := c.permissions(ctx, session, channel)
		c.out.Int(may)
		return err
	}},
	"hasPermission": {read, func(ctx context.Context, c *call) error {
		session, channel, want := c.in.Int(), c.in.Int(), c.in.Int()
		may, err := c.permissions(ctx, session, channel)
		c.out.Bool(may&want != 0)
		return err
	}},
	"addUserToGroup": {write, func(ctx context.Context, c *call) error {
		return c.member(ctx, func(r Rights) func(context.Context, int32, int32, string) error { return r.Join })
	}},
	"removeUserFromGroup": {write, func(ctx context.Context, c *call) error {
		return c.member(ctx, func(r Rights) func(context.Context, int32, int32, string) error { return r.Leave })
	}},
}

func (c *call) permissions(ctx context.Context, session, channel int32) (int32, error) {
	switch err := c.end(); {
	case err != nil:
		return 0, err
	case c.Rights == nil:
		return 0, without("access lists")
	}
	return c.Rights.Permissions(ctx, session, channel)
}

func (c *call) member(ctx context.Context, change func(Rights) func(context.Context, int32, int32, string) error) error {
	channel, session, group := c.in.Int(), c.in.Int(), c.in.String()
	switch err := c.end(); {
	case err != nil:
		return err
	case c.Rights == nil:
		return without("groups that scripts change")
	}
	return change(c.Rights)(ctx, channel, session, group)
}

// registerOps concern registered users.
var registerOps = map[string]operation{
	"getRegisteredUsers": {read, func(ctx context.Context, c *call) error {
		filter := c.in.String()
		if err := c.end(); err != nil {
			return err
		}
		names, err := c.registered(ctx, filter)
		murmur.WriteDict(&c.out, names, c.out.String)
		return err
	}},
	"getUserNames": {read, func(ctx context.Context, c *call) error {
		ids := c.in.Ints()
		if err := c.end(); err != nil {
			return err
		}
		all, err := c.registered(ctx, "")
		names := make(map[int32]string, len(ids))
		for _, id := range ids {
			names[id] = all[id]
		}
		murmur.WriteDict(&c.out, names, c.out.String)
		return err
	}},
	"getUserIds": {read, func(ctx context.Context, c *call) error {
		names := c.in.Strings()
		if err := c.end(); err != nil {
			return err
		}
		all, err := c.registered(ctx, "")
		ids := make(map[string]int32, len(names))
		for _, n := range names {
			ids[n] = -1
		}
		for id, n := range all {
			if _, asked := ids[n]; asked {
				ids[n] = id
			}
		}
		murmur.WriteIDs(&c.out, ids)
		return err
	}},
	"getRegistration": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		info, err := c.Register.Registration(ctx, id)
		delete(info, murmur.InfoPassword)
		info.Write(&c.out)
		return err
	}},
	"registerUser": {write, func(ctx context.Context, c *call) error {
		info := murmur.ReadUserInfo(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		id, err := c.Register.AddUser(ctx, info)
		c.out.Int(id)
		return err
	}},
	"unregisterUser": {write, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		return c.Register.RemoveUser(ctx, id)
	}},
	"updateRegistration": {write, func(ctx context.Context, c *call) error {
		id, info := c.in.Int(), murmur.ReadUserInfo(c.in)
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Register == nil:
			return murmur.InvalidUser
		}
		return c.Register.Update(ctx, id, info)
	}},
	"verifyPassword": {write, func(ctx context.Context, c *call) error {
		name, password := c.in.String(), c.in.String()
		id, err := int32(-2), c.end()
		if err == nil && c.Login != nil {
			id, err = c.Login.Verify(ctx, name, password)
		}
		c.out.Int(id)
		return err
	}},
	"getTexture": {read, func(ctx context.Context, c *call) error {
		id := c.in.Int()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Login == nil:
			return murmur.InvalidUser
		}
		b, err := c.Login.Texture(ctx, id)
		c.out.Blob(b)
		return err
	}},
	"setTexture": {write, func(ctx context.Context, c *call) error {
		id, b := c.in.Int(), c.in.Blob()
		switch err := c.end(); {
		case err != nil:
			return err
		case c.Login == nil:
			return murmur.InvalidUser
		}
		return c.Login.SetTexture(ctx, id, b)
	}},
}

func (c *call) registered(ctx context.Context, filter string) (map[int32]string, error) {
	if c.Register == nil {
		return nil, nil
	}
	return c.Register.Registered(ctx, filter)
}
