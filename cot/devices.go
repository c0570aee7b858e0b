package cot

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/wire"
)

const (
	maxDevices   = 1000 // of one account; who reports more loses those not seen for longest
	deviceBatch  = 200  // rows written in one statement
	deviceGather = time.Second
	deviceRetry  = 5 * time.Second
	deviceTouch  = time.Minute // how far the stored time of a connected device may lag behind
	lastWrite    = 5 * time.Second
)

// device is a device of an account that has ever reported itself, and its row.
// Guarded by Router.mu.
type device struct {
	bun.BaseModel `bun:"table:cot_devices"`

	UID       string    `bun:"uid,pk"`
	User      string    `bun:"user_name"`
	UserKey   string    `bun:"user_key"`
	Callsign  string    `bun:"callsign"`
	Team      string    `bun:"team"`
	Role      string    `bun:"role"`
	Phone     string    `bun:"phone"`
	Type      string    `bun:"type"`
	Device    string    `bun:"takv_device"`
	Platform  string    `bun:"takv_platform"`
	OS        string    `bun:"takv_os"`
	Version   string    `bun:"takv_version"`
	Battery   int       `bun:"battery"`
	InGroups  groupList `bun:"in_groups"`  // it published to them when it was last seen
	OutGroups groupList `bun:"out_groups"` // it received them
	FirstSeen int64     `bun:"first_seen"`
	LastSeen  int64     `bun:"last_seen"`
}

// groupList is a list of group names, stored as JSON.
type groupList []string

// Value implements driver.Valuer.
func (l groupList) Value() (driver.Value, error) {
	if l == nil {
		l = groupList{}
	}
	b, err := json.Marshal([]string(l))
	return string(b), err
}

// Scan implements sql.Scanner.
func (l *groupList) Scan(src any) error {
	switch src := src.(type) {
	case string:
		return json.Unmarshal([]byte(src), (*[]string)(l))
	case []byte:
		return json.Unmarshal(src, (*[]string)(l))
	}
	return fmt.Errorf("a list of groups cannot be %T", src)
}

// own makes the device of c, which has reported itself, one of its account. The
// caller holds mu.
func (r *Router) own(c *Client, st *clientState) {
	key := userKey(st.id)
	if key == "" {
		return
	}
	d := r.devices[st.uid]
	if d == nil {
		if r.owned[key] >= maxDevices {
			r.forgetOldest(key)
		}
		d = &device{UID: st.uid, UserKey: key, FirstSeen: time.Now().UnixMilli()}
		r.devices[d.UID] = d
		r.owned[key]++
	}
	r.note(d, c, st)
}

// note writes into d what is known of c. The caller holds mu.
func (r *Router) note(d *device, c *Client, st *clientState) {
	if d.Callsign != st.callsign {
		without(r.names, d.Callsign, d)
	}
	if !slices.Contains(r.names[st.callsign], d) {
		r.names[st.callsign] = append(r.names[st.callsign], d)
	}
	d.User, d.Callsign, d.Phone = st.id.User, st.callsign, st.phone
	d.Team, d.Role = st.team.Name, st.team.Role
	d.Device, d.Platform, d.OS, d.Version = st.takv.Device, st.takv.Platform, st.takv.OS, st.takv.Version
	d.InGroups, d.OutGroups = st.inGroups, st.outGroups
	if e := c.latest.Load(); e != nil {
		d.Type, d.Battery = e.Type, e.Battery
	} else if d.Type == "" {
		d.Battery = -1
	}
	d.LastSeen = max(d.LastSeen, c.lastSeen.Load())
	r.dirty[d.UID] = true
	wake(r.wakeWriter)
}

// forgetOldest makes room for a device of an account. The caller holds mu.
func (r *Router) forgetOldest(key string) {
	var oldest *device
	for _, d := range r.devices {
		if d.UserKey == key && len(r.byUID[d.UID]) == 0 && (oldest == nil || d.LastSeen < oldest.LastSeen) {
			oldest = d
		}
	}
	if oldest != nil {
		r.forget(oldest)
	}
}

// forget makes d nobody's. The caller holds mu.
func (r *Router) forget(d *device) {
	delete(r.devices, d.UID)
	without(r.names, d.Callsign, d)
	if r.owned[d.UserKey]--; r.owned[d.UserKey] <= 0 {
		delete(r.owned, d.UserKey)
	}
	r.dirty[d.UID] = true
	wake(r.wakeWriter)
}

func (r *Router) loadDevices(ctx context.Context) error {
	var rows []*device
	if err := r.db.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return fmt.Errorf("cot: read the known devices: %w", err)
	}
	for _, d := range rows {
		r.devices[d.UID] = d
		r.names[d.Callsign] = append(r.names[d.Callsign], d)
		r.owned[d.UserKey]++
	}
	return nil
}

// writeDevices writes devices down, in batches, some time after they changed.
func (r *Router) writeDevices(ctx context.Context) {
	touch := time.NewTicker(deviceTouch)
	defer touch.Stop()
	for {
		pause := deviceGather
		select {
		case <-r.wakeWriter:
		case <-touch.C:
			r.touchDevices()
		case <-ctx.Done():
			r.touchDevices()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			if err := r.saveDevices(ctx); err != nil {
				r.log.Error("known devices were not written down", "error", err)
			}
			return
		}
		if !sleep(ctx, pause) {
			wake(r.wakeWriter)
			continue
		}
		if err := r.saveDevices(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("known devices were not written down; it is tried again", "error", err)
			sleep(ctx, deviceRetry)
			wake(r.wakeWriter)
		}
	}
}

// sleep reports whether it slept for all of d.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// touchDevices notes when connected devices were last heard of.
func (r *Router) touchDevices() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clients {
		st := c.state.Load()
		if d := r.devices[st.uid]; d != nil && st.reported && c.lastSeen.Load() > d.LastSeen {
			r.note(d, c, st)
		}
	}
}

// saveDevices writes those that are dirty. What could not be written stays so.
func (r *Router) saveDevices(ctx context.Context) error {
	r.saving.Lock()
	defer r.saving.Unlock()
	for {
		rows, lost := r.takeDirty()
		if len(rows)+len(lost) == 0 {
			return nil
		}
		err := r.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			if len(lost) > 0 {
				if _, err := tx.NewDelete().Model((*device)(nil)).Where("uid IN (?)", bun.List(lost)).Exec(ctx); err != nil {
					return err
				}
			}
			if len(rows) == 0 {
				return nil
			}
			return upsert(ctx, tx.NewInsert().Model(&rows), "uid",
				"user_name", "user_key", "callsign", "team", "role", "phone", "type", "takv_device", "takv_platform",
				"takv_os", "takv_version", "battery", "in_groups", "out_groups", "first_seen", "last_seen")
		})
		if err != nil {
			r.mu.Lock()
			for _, d := range rows {
				r.dirty[d.UID] = true
			}
			for _, uid := range lost {
				r.dirty[uid] = true
			}
			r.mu.Unlock()
			return fmt.Errorf("cot: write the known devices: %w", err)
		}
	}
}

// upsert inserts rows; those whose key is there already get the new columns.
func upsert(ctx context.Context, q *bun.InsertQuery, key string, columns ...string) error {
	q = q.On("CONFLICT (?) DO UPDATE", bun.Safe(key))
	for _, col := range columns {
		q = q.Set("? = EXCLUDED.?", bun.Ident(col), bun.Ident(col))
	}
	_, err := q.Exec(ctx)
	return err
}

// takeDirty returns copies of some devices to be written, and uids to be deleted.
func (r *Router) takeDirty() (rows []device, lost []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid := range r.dirty {
		if len(rows)+len(lost) >= deviceBatch {
			break
		}
		if d := r.devices[uid]; d != nil {
			rows = append(rows, *d)
		} else {
			lost = append(lost, uid)
		}
		delete(r.dirty, uid)
	}
	return rows, lost
}

// Release makes a uid free for whoever reports it next, and forgets what was
// kept for its owner: a device was handed on. Who is connected with it is
// disconnected. It reports whether the uid was anybody's.
func (r *Router) Release(ctx context.Context, uid string) (bool, error) {
	if err := r.discard(ctx, uid); err != nil {
		return false, err
	}
	r.mu.Lock()
	d := r.devices[uid]
	if d != nil {
		r.forget(d)
	}
	r.mu.Unlock()
	live := r.Disconnect(uid)
	if d == nil {
		return live, nil
	}
	if err := r.saveDevices(ctx); err != nil {
		return true, err
	}
	return true, nil
}

// contact describes the device as it was when it was last seen.
func (d *device) contact() Contact {
	return Contact{
		UID: d.UID, Callsign: d.Callsign, User: d.User, Team: d.Team, Role: d.Role, Phone: d.Phone, Type: d.Type,
		Takv:    wire.Takv{Device: d.Device, Platform: d.Platform, OS: d.OS, Version: d.Version},
		Battery: d.Battery, Groups: d.InGroups, LastSeen: time.UnixMilli(d.LastSeen),
	}
}
