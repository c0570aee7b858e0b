package door

import (
	"context"

	"muster/voice/murmur"
)

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

// channels returns the channels by number.
func (c *call) channels(ctx context.Context) (map[int32]murmur.Channel, error) {
	list, err := c.Channels.Channels(ctx)
	out := make(map[int32]murmur.Channel, len(list))
	for _, ch := range list {
		out[ch.ID] = ch
	}
	return out, err
}
