package excheck

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/pack"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
)

const (
	reports        = "citrap"
	maxReports     = 1000 // in one answer
	maxReportXML   = 1 << 20
	maxAttachments = 100 // of a report
)

// reportRow is a report that can be searched; its package is a file.
type reportRow struct {
	bun.BaseModel `bun:"table:citrap_reports"`

	ID          string  `bun:"id,pk"`
	Mission     string  `bun:"mission"`
	Hash        string  `bun:"hash"`
	Report      string  `bun:"report"` // the element
	Type        string  `bun:"type"`
	Callsign    string  `bun:"callsign"`
	Keywords    string  `bun:"keywords"` // title and tags in lower case
	Username    string  `bun:"username"`
	Lat         float64 `bun:"lat"`
	Lon         float64 `bun:"lon"`
	Located     bool    `bun:"located"`
	Time        int64   `bun:"time"`
	Attachments string  `bun:"attachments"` // JSON list of hashes
}

// readReport finds the report in a package and gives it an id.
func readReport(zip []byte, id string) (reportRow, error) {
	bad := invalid("This is not the package of a report.")
	a, err := pack.Open(bytes.NewReader(zip), int64(len(zip)), pack.Limits{Entries: 200, Entry: maxPackage, Total: 2 * maxPackage, Ratio: 200})
	if err != nil {
		return reportRow{}, bad
	}
	for _, name := range a.Names() {
		if !strings.HasSuffix(strings.ToLower(name), ".xml") || strings.EqualFold(name, pack.ManifestName) {
			continue
		}
		b, err := a.Read(name, maxReportXML)
		if err != nil {
			return reportRow{}, bad
		}
		el, err := wire.ParseElement(b, wire.Limits{Event: maxReportXML, Depth: 32, Attrs: 64})
		if err != nil || el.Name != "report" {
			continue
		}
		return rowOf(el, id)
	}
	return reportRow{}, bad
}

// rowOf takes what is searched for out of a report element.
func rowOf(el wire.Element, id string) (reportRow, error) {
	if id == "" {
		if id = el.Attr("id"); id == "" {
			id = newUID()
		}
	}
	if err := checkUID(id); err != nil {
		return reportRow{}, err
	}
	attrs := []wire.Attr{{Name: "id", Value: id}}
	for _, name := range []string{"type", "title", "userCallsign", "userDescription", "dateTime", "dateTimeDescription", "location",
		"locationDescription", "tags", "eventScale", "importance", "status", "surveillance"} {
		if v := el.Attr(name); v != "" {
			attrs = append(attrs, wire.Attr{Name: name, Value: v})
		}
	}
	row := reportRow{ID: id, Report: string(wire.AppendElement(nil, "report", el.Inner(), attrs...)), Type: el.Attr("type"), Callsign: el.Attr("userCallsign"),
		Keywords: strings.ToLower(el.Attr("title") + " " + el.Attr("tags")), Time: time.Now().UnixMilli(), Attachments: "[]"}
	if t, err := wire.ParseTime(el.Attr("dateTime")); err == nil {
		row.Time = t
	}
	row.Lat, row.Lon, row.Located = place(el.Attr("location"))
	return row, nil
}

// place reads "POINT(lon lat)" (WKT) or "lat,lon".
func place(s string) (lat, lon float64, ok bool) {
	s = strings.TrimSpace(s)
	var a, b string
	if rest, wkt := strings.CutPrefix(strings.ToUpper(s), "POINT"); wkt {
		f := strings.Fields(strings.Trim(strings.TrimSpace(rest), "()"))
		if len(f) < 2 {
			return 0, 0, false
		}
		b, a = f[0], f[1]
	} else {
		f := strings.Split(s, ",")
		if len(f) < 2 {
			return 0, 0, false
		}
		a, b = f[0], f[1]
	}
	lat, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	lon, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if err1 != nil || err2 != nil || !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) {
		return 0, 0, false
	}
	return lat, lon, true
}

// search lists reports that the caller sees; without any the list is empty.
func (a *API) search(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	rows, err := a.found(r, c)
	if err != nil {
		return err
	}
	var inner []byte
	for _, row := range rows {
		inner = append(inner, row.Report...)
	}
	reply.XML(w, http.StatusOK, wire.AppendElement(nil, "reports", inner))
	return nil
}

func (a *API) found(r *http.Request, c mission.Caller) ([]reportRow, error) {
	q := r.URL.Query()
	sel := a.db.Query().NewSelect().Model((*reportRow)(nil)).OrderExpr("time DESC, id")
	for _, p := range []struct{ name, op string }{{"startTime", "time >= ?"}, {"endTime", "time <= ?"}} {
		if v := q.Get(p.name); v != "" {
			t, err := wire.ParseTime(v)
			if err != nil {
				return nil, invalid("The parameter " + p.name + " is not a time.")
			}
			sel.Where(p.op, t)
		}
	}
	for _, p := range []struct{ name, column string }{{"type", "type"}, {"callsign", "callsign"}} {
		if v := q.Get(p.name); v != "" {
			sel.Where("? = ?", bun.Ident(p.column), v)
		}
	}
	if v := q.Get("bbox"); v != "" {
		box, err := bounds(v)
		if err != nil {
			return nil, err
		}
		sel.Where("located AND lon BETWEEN ? AND ? AND lat BETWEEN ? AND ?", box[0], box[2], box[1], box[3])
	}
	limit := 100
	if v := q.Get("maxReportCount"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return nil, invalid("The parameter maxReportCount is not a number of reports.")
		}
		limit = min(n, maxReports)
	}
	var all []reportRow
	if err := sel.Limit(maxReports).Scan(r.Context(), &all); err != nil {
		return nil, fmt.Errorf("excheck: search reports: %w", err)
	}
	words := strings.FieldsFunc(strings.ToLower(q.Get("keywords")), func(c rune) bool { return c == ',' || c == ' ' })
	may := make(map[string]bool)
	out := []reportRow{}
	for _, row := range all {
		if _, asked := may[row.Mission]; !asked {
			may[row.Mission] = a.missions.MayRead(r.Context(), c.Identity, row.Mission)
		}
		if may[row.Mission] && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(row.Keywords, w) }) && len(out) < limit {
			out = append(out, row)
		}
	}
	return out, nil
}

// bounds reads west,south,east,north.
func bounds(s string) (box [4]float64, err error) {
	parts := strings.Split(s, ",")
	if len(parts) != 4 {
		return box, invalid("The parameter bbox is not west,south,east,north.")
	}
	for i, p := range parts {
		if box[i], err = strconv.ParseFloat(strings.TrimSpace(p), 64); err != nil {
			return box, invalid("The parameter bbox is not west,south,east,north.")
		}
	}
	return box, nil
}

// row returns a report of a mission that the caller may read.
func (a *API) row(ctx context.Context, c mission.Caller, id string) (reportRow, error) {
	var row reportRow
	err := a.db.Query().NewSelect().Model(&row).Where("id = ?", id).Limit(1).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return row, fmt.Errorf("excheck: read a report: %w", err)
	}
	if err != nil || !a.missions.MayRead(ctx, c.Identity, row.Mission) {
		return row, notFound("there is no such report.")
	}
	return row, nil
}

// ownRow is row for those who may change the report: who sent it, and
// administrators.
func (a *API) ownRow(ctx context.Context, c mission.Caller, id string) (reportRow, error) {
	row, err := a.row(ctx, c, id)
	if err == nil && row.Username != c.Identity.User && auth.Allow(c.Identity, auth.Admin, auth.Server()) != nil {
		return row, &mission.Refusal{Kind: mission.ErrDenied, Say: "Forbidden: this is somebody else's report."}
	}
	return row, err
}

// enter waits for a place among the packages that are read in memory.
func (a *API) enter(ctx context.Context) (release func(), err error) {
	select {
	case a.many <- struct{}{}:
		return func() { <-a.many }, nil
	case <-ctx.Done():
		return nil, errAnswered
	}
}

func (a *API) addReport(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	ctx := r.Context()
	m, err := a.missions.Ensure(ctx, c, reports, reports)
	if err != nil {
		return err
	}
	release, err := a.enter(ctx)
	if err != nil {
		return err
	}
	defer release()
	zip, err := body(w, r, maxPackage)
	if err != nil {
		return err
	}
	row, err := readReport(zip, "")
	if err != nil {
		return err
	}
	row.Mission, row.Username = m.GUID, c.Identity.User
	taken := &mission.Refusal{Kind: mission.ErrConflict, Say: "There is a report with this id."}
	if n, err := a.db.Query().NewSelect().Model((*reportRow)(nil)).Where("id = ?", row.ID).Count(ctx); err != nil || n > 0 {
		return cmp.Or(err, error(taken))
	}
	if row.Hash, err = a.keep(ctx, c, m, row.ID, row.ID+".zip", "application/zip", zip); err != nil {
		return err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if store.IsUnique(err) { // somebody was faster
		return taken
	}
	if err != nil {
		return fmt.Errorf("excheck: write a report: %w", err)
	}
	reply.Text(w, http.StatusOK, row.ID)
	return nil
}

// keep stores a file of a report and makes it content of the mission.
func (a *API) keep(ctx context.Context, c mission.Caller, m mission.Mission, uid, name, mime string, b []byte) (string, error) {
	f, err := a.files.Put(ctx, c.Identity, files.Meta{UID: uid, Name: name, Filename: name, MIME: mime, Tool: files.Private, CreatorUID: c.UID, Groups: writable(c, m)}, bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	_, err = a.missions.AddContents(ctx, c, mission.Ref{GUID: m.GUID}, mission.Addition{Hashes: []string{f.Hash}})
	return f.Hash, err
}

func (a *API) report(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	row, err := a.row(r.Context(), c, r.PathValue("id"))
	if err != nil {
		return err
	}
	b, err := a.read(row.Hash, maxPackage)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="report.zip"`)
	reply.Bytes(w, http.StatusOK, "application/zip", b)
	return nil
}

func (a *API) replaceReport(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	ctx := r.Context()
	old, err := a.ownRow(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	m, err := a.missions.Get(ctx, c, mission.Ref{GUID: old.Mission}, mission.Want{})
	if err != nil {
		return err
	}
	release, err := a.enter(ctx)
	if err != nil {
		return err
	}
	defer release()
	zip, err := body(w, r, maxPackage)
	if err != nil {
		return err
	}
	row, err := readReport(zip, old.ID)
	if err != nil {
		return err
	}
	row.Mission, row.Username, row.Attachments = old.Mission, old.Username, old.Attachments
	if row.Hash, err = a.keep(ctx, c, m, row.ID, row.ID+".zip", "application/zip", zip); err != nil {
		return err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("excheck: write a report: %w", err)
	}
	if old.Hash != row.Hash {
		if _, err := a.missions.RemoveContents(ctx, c, mission.Ref{GUID: m.GUID}, old.Hash, ""); err != nil && !errors.Is(err, mission.ErrNotFound) {
			return err
		}
	}
	reply.Text(w, http.StatusOK, row.ID)
	return nil
}

func (a *API) removeReport(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	ctx := r.Context()
	row, err := a.ownRow(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	hashes, err := row.attachments()
	if err != nil {
		return err
	}
	for _, h := range append(hashes, row.Hash) {
		if _, err := a.missions.RemoveContents(ctx, c, mission.Ref{GUID: row.Mission}, h, ""); err != nil && !errors.Is(err, mission.ErrNotFound) {
			return err
		}
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("excheck: remove a report: %w", err)
	}
	reply.Text(w, http.StatusOK, "")
	return nil
}

func (row reportRow) attachments() ([]string, error) {
	var hashes []string
	if err := json.Unmarshal([]byte(row.Attachments), &hashes); err != nil {
		return nil, fmt.Errorf("excheck: attachments of report %s: %w", row.ID, err)
	}
	return hashes, nil
}

// attach adds a file to a report. The parameter filename names it.
func (a *API) attach(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	ctx := r.Context()
	row, err := a.ownRow(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	m, err := a.missions.Get(ctx, c, mission.Ref{GUID: row.Mission}, mission.Want{})
	if err != nil {
		return err
	}
	release, err := a.enter(ctx)
	if err != nil {
		return err
	}
	defer release()
	b, err := body(w, r, maxPackage)
	if err != nil {
		return err
	}
	name := pack.FileName(r.URL.Query().Get("filename"))
	if name == "" {
		name = "attachment"
	}
	hash, err := a.keep(ctx, c, m, row.ID, name, "application/octet-stream", b)
	if err != nil {
		return err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := tx.NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
			return err
		}
		hashes, err := row.attachments()
		if err != nil {
			return err
		}
		if slices.Contains(hashes, hash) {
			return nil
		}
		if len(hashes) >= maxAttachments {
			return invalid("The report has too many attachments.")
		}
		list, err := json.Marshal(append(hashes, hash))
		if err != nil {
			return err
		}
		row.Attachments = string(list)
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("excheck: write an attachment: %w", err)
	}
	reply.Text(w, http.StatusOK, hash)
	return nil
}
