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

	"muster/internal/auth"
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

// writeEvents writes whole events; each ends the one of the same uid before it.
func (b *batch) writeEvents(ctx context.Context, intents []intent) error {
	events := of(intents, isEvent)
	if len(events) == 0 {
		return nil
	}
	if err := b.findNewest(ctx, events); err != nil {
		return err
	}
	rows := make([]*eventRow, 0, len(events))
	byID := make(map[int64]*eventRow)
	ends := make(map[int64]int64)
	for _, in := range events {
		r := b.eventRow(in)
		rows = append(rows, r)
		byID[r.ID] = r
		if in.private {
			continue
		}
		k := itemKey{r.UID, r.Audience}
		if old := b.newestOf(k); old != 0 {
			if mate := byID[old]; mate != nil {
				mate.ValidTo = min(mate.ValidTo, r.Received)
			} else {
				ends[old] = r.Received
			}
		}
		b.newest[k] = r.ID
	}
	if err := endEvents(ctx, b.tx, ends); err != nil {
		return err
	}
	if _, err := b.tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

func (b *batch) newestOf(k itemKey) int64 {
	if id, ok := b.newest[k]; ok {
		return id
	}
	return b.s.newest[k]
}

// findNewest looks up which event counts at present for the uids that are not in
// memory.
func (b *batch) findNewest(ctx context.Context, events []intent) error {
	var uids []string
	from := events[0].received
	for _, in := range events {
		k := itemKey{in.e.UID, b.audience(in)}
		_, here := b.newest[k]
		_, known := b.s.newest[k]
		if here || known || in.private {
			continue
		}
		b.newest[k] = 0
		uids = append(uids, in.e.UID)
		from = min(from, in.received)
	}
	if len(uids) == 0 {
		return nil
	}
	var rows []struct {
		UID      string `bun:"uid"`
		Audience int64  `bun:"audience"`
		ID       int64  `bun:"id"`
	}
	err := b.tx.NewSelect().Model((*eventRow)(nil)).ColumnExpr("uid, audience, max(id) AS id").
		Where("uid IN (?)", bun.List(uids)).Where("valid_to > ?", from).Where("NOT private").Group("uid", "audience").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	for _, r := range rows {
		k := itemKey{r.UID, r.Audience}
		if _, ok := b.newest[k]; ok {
			b.newest[k] = r.ID
		}
	}
	return nil
}

// endEvents ends events that others have taken the place of.
func endEvents(ctx context.Context, tx bun.IDB, ends map[int64]int64) error {
	if len(ends) == 0 {
		return nil
	}
	var q strings.Builder
	q.WriteString("WITH v (id, t) AS (VALUES ")
	for i, id := range slices.Sorted(maps.Keys(ends)) {
		if i > 0 {
			q.WriteByte(',')
		}
		fmt.Fprintf(&q, "(%d,%d)", id, ends[id])
	}
	q.WriteString(") UPDATE history_events SET valid_to = v.t FROM v WHERE history_events.id = v.id AND history_events.valid_to > v.t")
	if _, err := tx.ExecContext(ctx, q.String()); err != nil {
		return fmt.Errorf("end events: %w", err)
	}
	return nil
}

func (b *batch) eventRow(in intent) *eventRow {
	e := in.e
	p := pointOf(e.Point)
	r := &eventRow{
		ID: b.nextID(in.received), Kind: in.kind, UID: e.UID, Audience: b.audience(in), Type: e.Type, How: e.How,
		Callsign: e.Contact.Callsign, Time: e.Time, Start: e.Start, Stale: e.Stale, Received: in.received, ValidTo: e.Stale,
		SenderUser: e.From.Identity.User, SenderUID: e.From.UID, Private: in.private, Mission: in.mission,
		Readers: jsonOf(b.s.readers(in, "")), Dests: jsonOf(in.dests), Lat: p.Lat, Lon: p.Lon, HAE: p.HAE, CE: p.CE, LE: p.LE,
		XML: packXML(e.XML()),
	}
	if in.archive {
		r.ValidTo = forever
	}
	if in.private || !shown(e.Type) {
		r.ValidTo = in.received
	}
	r.Size = int64(len(r.XML))
	return r
}

func (b *batch) writeChat(ctx context.Context, intents []intent) error {
	var rows []*chatRow
	type once struct{ uid, id string }
	seen := make(map[once]bool)
	for _, in := range of(intents, isChat) {
		c := in.chat
		c.ID, c.Audience, c.XML = b.nextID(in.received), b.audience(in), packXML(in.e.XML())
		c.Size = int64(len(c.XML))
		b.s.settlePeer(in, &c)
		c.Readers = jsonOf(b.s.readers(in, c.PeerUser))
		if k := (once{c.SenderUID, c.MessageID}); !seen[k] {
			seen[k] = true
			rows = append(rows, &c)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	// The same message may come twice, over another way.
	if _, err := b.tx.NewInsert().Model(&rows).On("CONFLICT (sender_uid, message_id) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("write chat: %w", err)
	}
	return nil
}

// takeReceipts changes the state of messages. That one was delivered or read says
// who it was for; that it waits or could not be sent is said to its sender, whose
// name the server's answer bears.
func (b *batch) takeReceipts(ctx context.Context, intents []intent) error {
	for _, in := range of(intents, isReceipt) {
		q := b.tx.NewUpdate().Model((*chatRow)(nil)).Set("state = ?", in.receipt.state).
			Where("message_id = ?", in.receipt.message).Where("kind = ?", RoomDirect).
			Where("state IN (?)", bun.List(before[in.receipt.state]))
		from := in.e.From
		switch s := in.receipt.state; {
		case in.receipt.server:
		case from.Identity.System: // clients without a login are nobody
			continue
		case s == StatePending || s == StateFailed:
			q = q.Where("sender_user = ?", from.Identity.User)
		default:
			q = q.Where("((peer_user <> '' AND peer_user = ?) OR (peer_user = '' AND peer_uid = ?))", from.Identity.User, from.UID)
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("write receipts: %w", err)
		}
	}
	return nil
}

// delete ends what was deleted, where the sender may write to its groups.
func (b *batch) delete(ctx context.Context, intents []intent) error {
	gone := of(intents, isGone)
	if len(gone) == 0 {
		return nil
	}
	audiences, err := readAudiences(ctx, b.tx)
	if err != nil {
		return err
	}
	for _, in := range gone {
		may := audiences.allowed(in.e.From.Identity, auth.Publish)
		if len(may) == 0 {
			continue
		}
		_, err := b.tx.NewUpdate().Model((*eventRow)(nil)).Set("valid_to = ?", in.received).
			Where("uid = ? AND received <= ? AND valid_to > ?", in.gone, in.received, in.received).Where("NOT private").
			Where("audience IN (?)", bun.List(may)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end events: %w", err)
		}
		_, err = b.tx.NewUpdate().Model((*positionRow)(nil)).Set("ended = ?", in.received).
			Where("uid = ? AND received <= ?", in.gone, in.received).Where("audience IN (?)", bun.List(may)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end positions: %w", err)
		}
		for _, a := range may {
			k := itemKey{in.gone, a}
			if it := b.item(k); it != nil && it.received <= in.received {
				c := *it
				c.ended = in.received
				b.end(k, &c)
			}
			if b.newestOf(k) != 0 {
				b.newest[k] = 0
			}
		}
	}
	return nil
}

// end puts an ended item in its place: among those the database does not have
// yet when it holds an event.
func (b *batch) end(k itemKey, it *item) {
	if it.e != nil {
		b.changed[k] = it
		return
	}
	b.items[k] = it
}

// writeDevices notes who uses which uid.
func (b *batch) writeDevices(ctx context.Context, _ []intent) error {
	rows := b.s.learnt()
	if len(rows) == 0 {
		return nil
	}
	_, err := b.tx.NewInsert().Model(&rows).On("CONFLICT (uid) DO UPDATE").
		Set("user_name = EXCLUDED.user_name").Set("callsign = EXCLUDED.callsign").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the devices: %w", err)
	}
	return nil
}
