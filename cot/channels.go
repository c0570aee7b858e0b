package cot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const (
	maxChoosers = 128 // devices of one account with a choice of their own
	maxUID      = 256 // bytes of the uid of a device that makes a choice

	// The uids of choices that are no device's: the account's last one, which counts
	// for connections whose device is not known yet, and the one made for all
	// devices, which counts where a device has made none since.
	lastChoice = ""
	allDevices = "*"
)

// Channel is one group of a user as one of the user's devices has it switched.
type Channel struct {
	Group     string
	In, Out   bool // the right
	ActiveIn  bool // the choice; false makes the right not count on this device
	ActiveOut bool
}

// choice is what a device has chosen for a group; without one both are active.
type choice struct {
	in, out bool
	changed int64 // ms since 1970
}

// chosen is what counts for one device.
type chosen struct{ own, all map[string]choice }

// of returns the choice for a group.
func (ch chosen) of(group string) choice {
	if c, ok := ch.own[group]; ok {
		return c
	}
	if c, ok := ch.all[group]; ok {
		return c
	}
	return choice{in: true, out: true}
}

// choiceRow is its stored form.
type choiceRow struct {
	bun.BaseModel `bun:"table:cot_channels"`

	UserKey string `bun:"user_key,pk"`
	UID     string `bun:"uid,pk"`
	Group   string `bun:"group_name,pk"`
	In      bool   `bun:"active_in"`
	Out     bool   `bun:"active_out"`
	Changed int64  `bun:"changed"`
}

func (r *Router) loadChoices(ctx context.Context) error {
	var rows []choiceRow
	if err := r.db.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return fmt.Errorf("cot: read the chosen channels: %w", err)
	}
	for _, row := range rows {
		r.choose(row)
	}
	return nil
}

// choose makes a choice count. The caller holds mu.
func (r *Router) choose(row choiceRow) {
	byUID := r.choices[row.UserKey]
	if byUID == nil {
		byUID = make(map[string]map[string]choice)
		r.choices[row.UserKey] = byUID
	}
	if byUID[row.UID] == nil {
		byUID[row.UID] = make(map[string]choice)
	}
	byUID[row.UID][row.Group] = choice{row.In, row.Out, row.Changed}
}

// choiceFor returns the choice that counts for c: that of its device; before it
// has reported itself, the account's last one. The caller holds mu.
func (r *Router) choiceFor(c *Client, st *clientState) chosen {
	if st.uid == "" && c.join.Observer {
		return chosen{}
	}
	return r.chosenBy(userKey(st.id), st.uid)
}

// chosenBy returns the choice of a device of an account. The caller holds mu.
func (r *Router) chosenBy(key, uid string) chosen {
	if key == "" {
		return chosen{}
	}
	byUID := r.choices[key]
	return chosen{byUID[uid], byUID[allDevices]}
}

// Channels returns the groups of id, with the choice made for the device with
// uid, or the user's last choice when uid is "".
func (r *Router) Channels(_ context.Context, id auth.Identity, uid string) ([]Channel, error) {
	byGroup := make(map[string]*Channel)
	channel := func(g string) *Channel {
		if byGroup[g] == nil {
			byGroup[g] = &Channel{Group: g}
		}
		return byGroup[g]
	}
	for _, g := range id.WriteGroups() {
		channel(g).In = true
	}
	for _, g := range id.ReadGroups() {
		channel(g).Out = true
	}
	out := make([]Channel, 0, len(byGroup))
	r.mu.RLock()
	defer r.mu.RUnlock()
	ch := r.chosenBy(userKey(id), uid)
	for g, c := range byGroup {
		pick := ch.of(g)
		c.ActiveIn, c.ActiveOut = c.In && pick.in, c.Out && pick.out
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Channel) int { return cmp.Compare(a.Group, b.Group) })
	return out, nil
}

// SetChannels makes a choice count: on disk, then at once in the routing, with
// t-x-d-d, positions and t-x-g-c as TAK wants. Groups not named stay as they are,
// and those that id is not in are left out. Without a uid the choice is made for
// all devices of the user. The error wraps auth.ErrDenied if the device is
// somebody else's or id is no account.
func (r *Router) SetChannels(ctx context.Context, id auth.Identity, uid string, list []Channel) error {
	key := userKey(id)
	if key == "" {
		return fmt.Errorf("%w: only accounts choose channels", auth.ErrDenied)
	}
	if len(uid) > maxUID || uid == allDevices {
		return fmt.Errorf("%w: no device has this uid", auth.ErrDenied)
	}
	r.mu.RLock()
	foreign := uid != "" && r.foreign(uid, Sender{Identity: id}, nil)
	r.mu.RUnlock()
	if foreign {
		return fmt.Errorf("%w: %w", auth.ErrDenied, ErrForeign)
	}
	r.choosing.Lock()
	defer r.choosing.Unlock()
	rows := choiceRows(id, key, uid, list)
	if len(rows) == 0 {
		return nil
	}
	drop := r.oldChoosers(key, uid)
	if err := r.storeChoice(ctx, key, uid, rows, drop); err != nil {
		return fmt.Errorf("cot: store the choice of channels: %w", err)
	}
	r.mu.Lock()
	for _, old := range drop {
		delete(r.choices[key], old)
	}
	for _, row := range rows {
		if uid == "" {
			for other, byGroup := range r.choices[key] {
				if other != lastChoice && other != allDevices {
					delete(byGroup, row.Group)
				}
			}
		}
		r.choose(row)
	}
	mine := slices.DeleteFunc(slices.Clone(r.clients), func(c *Client) bool { return userKey(c.state.Load().id) != key })
	r.mu.Unlock()
	for _, c := range mine {
		// The device that chose knows; the others are to ask again.
		if r.change(c, func(*clientState) {}) && (uid == "" || c.UID() != uid) {
			c.groupsChanged()
		}
	}
	return nil
}

// choiceRows returns the rows of a choice, for the device or all devices, and as
// the account's last one.
func choiceRows(id auth.Identity, key, uid string, list []Channel) (rows []choiceRow) {
	now := time.Now().UnixMilli()
	seen := make(map[string]bool)
	for _, ch := range list {
		if seen[ch.Group] || !slices.ContainsFunc(id.Groups, func(g auth.Grant) bool { return g.Group == ch.Group }) {
			continue
		}
		seen[ch.Group] = true
		row := choiceRow{
			UserKey: key, UID: cmp.Or(uid, allDevices), Group: ch.Group,
			In: ch.ActiveIn, Out: ch.ActiveOut, Changed: now,
		}
		rows = append(rows, row)
		row.UID = lastChoice
		rows = append(rows, row)
	}
	return rows
}

// oldChoosers returns the devices of an account whose choice is forgotten to make
// room for that of uid.
func (r *Router) oldChoosers(key, uid string) (drop []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	byUID := r.choices[key]
	if uid == "" || byUID[uid] != nil || len(byUID) < maxChoosers+2 {
		return nil
	}
	oldest, at := "", int64(0)
	for other, byGroup := range byUID {
		newest := int64(0)
		for _, c := range byGroup {
			newest = max(newest, c.changed)
		}
		if other != lastChoice && other != allDevices && len(r.byUID[other]) == 0 && (oldest == "" || newest < at) {
			oldest, at = other, newest
		}
	}
	if oldest == "" {
		return nil
	}
	return []string{oldest}
}

func (r *Router) storeChoice(ctx context.Context, key, uid string, rows []choiceRow, drop []string) error {
	groups := make([]string, len(rows))
	for i, row := range rows {
		groups[i] = row.Group
	}
	return r.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		mine := func() *bun.DeleteQuery { return tx.NewDelete().Model((*choiceRow)(nil)).Where("user_key = ?", key) }
		if len(drop) > 0 {
			if _, err := mine().Where("uid IN (?)", bun.List(drop)).Exec(ctx); err != nil {
				return err
			}
		}
		if uid == "" {
			// What single devices chose for these groups does not count any more.
			_, err := mine().Where("uid NOT IN (?, ?)", lastChoice, allDevices).
				Where("group_name IN (?)", bun.List(groups)).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return upsert(ctx, tx.NewInsert().Model(&rows), "user_key, uid, group_name", "active_in", "active_out", "changed")
	})
}
