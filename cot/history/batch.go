package history

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// batch is one transaction of the writer. It may be run again from the start, so
// what it learns is kept apart until it is on disk.
type batch struct {
	s  *Service
	tx bun.Tx

	audiences map[string]int64
	items     map[itemKey]*item
	changed   map[itemKey]*item // positions that are newer than the database
	newest    map[itemKey]int64
	lastID    int64
}

func newBatch(s *Service, tx bun.Tx) *batch {
	return &batch{s: s, tx: tx, audiences: make(map[string]int64), items: make(map[itemKey]*item),
		changed: make(map[itemKey]*item), newest: make(map[itemKey]int64), lastID: s.lastID}
}

// keep makes what the transaction learnt known. It is on disk.
func (b *batch) keep() {
	s := b.s
	s.lastID = b.lastID
	maps.Copy(s.audiences, b.audiences)
	if len(s.newest)+len(b.newest) > maxCached {
		clear(s.newest)
	}
	maps.Copy(s.newest, b.newest)
	clear(s.learning)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.items)+len(b.items) > maxCached+maxDirty {
		clear(s.items)
	}
	maps.Copy(s.items, b.items)
	maps.Copy(s.items, b.changed)
	maps.Copy(s.dirty, b.changed)
	maps.Copy(s.reads, b.changed)
}

func (b *batch) run(ctx context.Context, intents []intent) error {
	for _, step := range []func(context.Context, []intent) error{
		b.nameAudiences, b.placeItems, b.writeTracks, b.writeEvents, b.writeChat, b.takeReceipts, b.delete, b.writeDevices,
	} {
		if err := step(ctx, intents); err != nil {
			return err
		}
	}
	return nil
}

// of yields the intents of one sort.
func of(intents []intent, w what) []intent {
	var out []intent
	for _, in := range intents {
		if in.what == w {
			out = append(out, in)
		}
	}
	return out
}

// randomID is a key that no other node chooses.
func randomID() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// nextID returns a key that rises with the time, so that rows of one node sort
// as they came. The last bits keep nodes apart.
func (b *batch) nextID(received int64) int64 {
	id := received<<20 | 1<<8
	if id <= b.lastID {
		id = (b.lastID>>8 + 1) << 8
	}
	b.lastID = id | randomID()&0xff
	return b.lastID
}

// nameAudiences gives every set of groups its id.
func (b *batch) nameAudiences(ctx context.Context, intents []intent) error {
	var missing []string
	for _, in := range intents {
		if in.what == isReceipt || in.what == isGone {
			continue
		}
		if _, ok := b.s.audiences[in.key]; !ok && !slices.Contains(missing, in.key) {
			missing = append(missing, in.key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return insertAudiences(ctx, b.tx, missing, b.audiences)
}

// insertAudiences makes sure that sets of groups have an id, and puts it into
// out.
func insertAudiences(ctx context.Context, tx bun.Tx, keys []string, out map[string]int64) error {
	rows := make([]audienceRow, len(keys))
	for i, key := range keys {
		rows[i] = audienceRow{ID: randomID(), Groups: key}
	}
	if _, err := tx.NewInsert().Model(&rows).On("CONFLICT (group_names) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("write the audiences: %w", err)
	}
	rows = nil
	if err := tx.NewSelect().Model(&rows).Where("group_names IN (?)", bun.List(keys)).Scan(ctx); err != nil {
		return fmt.Errorf("read the audiences: %w", err)
	}
	for _, r := range rows {
		out[r.Groups] = r.ID
	}
	return nil
}

func (b *batch) audience(in intent) int64 {
	if id, ok := b.audiences[in.key]; ok {
		return id
	}
	return b.s.audiences[in.key]
}

func (b *batch) item(k itemKey) *item {
	for _, m := range []map[itemKey]*item{b.changed, b.items, b.s.items} {
		if it := m[k]; it != nil {
			return it
		}
	}
	return nil
}

// placeItems finds or makes the row of each uid that has reported a position.
func (b *batch) placeItems(ctx context.Context, intents []intent) error {
	missing := make(map[itemKey]intent)
	var uids []string
	for _, in := range of(intents, isPosition) {
		k := itemKey{in.e.UID, b.audience(in)}
		if _, ok := missing[k]; !ok && b.item(k) == nil {
			missing[k] = in
			uids = append(uids, in.e.UID)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := b.readItems(ctx, uids); err != nil {
		return err
	}
	var rows []*positionRow
	for k, in := range missing {
		if b.items[k] != nil {
			continue
		}
		it := &item{key: k, id: randomID(), first: in.received, until: in.e.Stale, e: in.e, received: in.received}
		rows = append(rows, it.row())
		b.items[k] = it.bare()
	}
	if len(rows) == 0 {
		return nil
	}
	res, err := b.tx.NewInsert().Model(&rows).On("CONFLICT (uid, audience) DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write new positions: %w", err)
	}
	if n, err := res.RowsAffected(); err == nil && int(n) == len(rows) {
		return nil
	}
	return b.readItems(ctx, uids) // another node was first
}

func (b *batch) readItems(ctx context.Context, uids []string) error {
	var rows []positionRow
	err := b.tx.NewSelect().Model(&rows).Column("id", "uid", "audience", "first", "until", "ended", "received").
		Where("uid IN (?)", bun.List(uids)).Scan(ctx)
	if err != nil {
		return fmt.Errorf("read positions: %w", err)
	}
	for _, r := range rows {
		k := itemKey{r.UID, r.Audience}
		b.items[k] = &item{key: k, id: r.ID, first: r.First, until: r.Until, ended: r.Ended, received: r.Received}
	}
	return nil
}

func (b *batch) writeTracks(ctx context.Context, intents []intent) error {
	type at struct{ item, received int64 }
	rows := make(map[at]*trackRow)
	for _, in := range of(intents, isPosition) {
		k := itemKey{in.e.UID, b.audience(in)}
		it := b.item(k)
		b.changed[k] = it.next(in.e, in.received)
		rows[at{it.id, in.received}] = trackOf(it.id, in.e, in.received)
	}
	return insertTracks(ctx, b.tx, slices.Collect(maps.Values(rows)))
}

// insertTracks writes rows as plain numbers: this is the path of most of the
// volume, and reflection would be most of its cost.
func insertTracks(ctx context.Context, tx bun.IDB, rows []*trackRow) error {
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, func(a, b *trackRow) int {
		if a.Item != b.Item {
			if a.Item < b.Item {
				return -1
			}
			return 1
		}
		return int(a.Received - b.Received)
	})
	var q strings.Builder
	q.Grow(len(rows) * 120)
	q.WriteString("INSERT INTO history_tracks (item, received, stale, lat, lon, hae, speed, course) VALUES ")
	num := make([]byte, 0, 32)
	for i, r := range rows {
		if i > 0 {
			q.WriteByte(',')
		}
		q.WriteByte('(')
		for _, v := range []int64{r.Item, r.Received, r.Stale} {
			num = strconv.AppendInt(num[:0], v, 10)
			q.Write(num)
			q.WriteByte(',')
		}
		for j, v := range []float64{r.Lat, r.Lon, r.HAE, r.Speed, r.Course} {
			if j > 0 {
				q.WriteByte(',')
			}
			num = strconv.AppendFloat(num[:0], v, 'e', -1, 64)
			q.Write(num)
		}
		q.WriteByte(')')
	}
	q.WriteString(" ON CONFLICT (item, received) DO UPDATE SET stale = EXCLUDED.stale, lat = EXCLUDED.lat, lon = EXCLUDED.lon," +
		" hae = EXCLUDED.hae, speed = EXCLUDED.speed, course = EXCLUDED.course")
	if _, err := tx.ExecContext(ctx, q.String()); err != nil {
		return fmt.Errorf("write tracks: %w", err)
	}
	return nil
}
