package test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// ledger is what the server has acknowledged. After it has died and started again
// all of that must be there, and nothing else but what was under way.
type ledger struct {
	s            *server
	alpha, admin *member
	program      string // for traced

	mu sync.Mutex // guards what follows while scripts run
	records
	past   []records // of earlier runs
	acks   int
	number int
	last   int    // the number of acks at which kill is called
	kill   func() // may be nil
}

// records are what came of one run.
type records struct {
	missions map[string]*logbook // by name
	packages map[string][]byte   // by hash; nil: deleted
	profiles map[string]*logbook // the files of each
	devices  map[string]*member  // by uid
	doubt    map[string]bool     // under way when the server died
}

func newRecords() records {
	return records{map[string]*logbook{}, map[string][]byte{}, map[string]*logbook{}, map[string]*member{}, map[string]bool{}}
}

// logbook is a mission, or a profile, as acknowledged.
type logbook struct {
	deleted     bool
	description string
	items       map[string]bool // "uid …", "hash …", "log …", "file …"
	token       string
}

// under makes op known as being under way, does it, and writes down with note
// what it has changed if it was acknowledged. It reports whether it was.
func (l *ledger) under(op string, do func() (told, error), note func(told)) bool {
	l.mu.Lock()
	l.doubt[op] = true
	l.mu.Unlock()
	a, err := do()
	if err != nil {
		return false
	}
	if a.status > 299 {
		l.s.t.Errorf("%s: answered %d: %.200s", op, a.status, a.body)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.doubt, op)
	l.acks++
	note(a)
	if l.acks == l.last {
		l.kill()
	}
	return true
}

func (l *ledger) next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	return l.number
}

// script makes changes of every kind until the server is gone or it is through.
func (l *ledger) script(r *rand.Rand) {
	name := fmt.Sprintf("M%d", l.next())
	path := "/Marti/api/missions/" + name
	book := &logbook{items: map[string]bool{}}
	call := func(m *member, method, path string, body any, head ...string) func() (told, error) {
		return func() (told, error) { return m.try(method, path, body, head...) }
	}
	item := func(what string, on bool) func(told) {
		return func(told) {
			if book.items[what] = on; !on {
				delete(book.items, what)
			}
		}
	}
	ok := l.under("mission "+name, call(l.alpha, "PUT", path+"?creatorUid=CRASH&group=A&description=first", nil), func(a told) {
		book.token, book.description = dataOf[[]missionJSON](l.s.t, a)[0].Token, "first"
		l.missions[name] = book
	})
	own := []string{"MissionAuthorization", "Bearer " + book.token}
	hash := ""
	for i := 0; ok && i < 4; i++ {
		content := noise(r, 1000+r.IntN(60_000))
		if i == 0 {
			content = content[:500]
		}
		hash = sum(content)
		body, kind := multipartOf(l.s.t, "assetfile", "p.zip", content)
		uid := fmt.Sprintf("%s-U%d", name, i)
		ok = l.under("package "+hash, call(l.alpha, "POST", "/Marti/sync/missionupload?hash="+hash+"&filename=p.zip&creatorUid=CRASH", body, "Content-Type", kind),
			func(told) { l.packages[hash] = content }) &&
			l.under("item "+name+" hash "+hash, call(l.alpha, "PUT", path+"/contents?creatorUid=CRASH", map[string][]string{"hashes": {hash}}, own...), item("hash "+hash, true)) &&
			l.under("item "+name+" uid "+uid, call(l.alpha, "PUT", path+"/contents?creatorUid=CRASH", map[string][]string{"uids": {uid}}, own...), item("uid "+uid, true)) &&
			l.under("item "+name+" log "+uid, call(l.alpha, "POST", "/Marti/api/missions/logs/entries", map[string]any{
				"content": uid, "creatorUid": "CRASH", "missionNames": []string{name}, "dtg": time.Now().UTC().Format(cotTime)}, own...), item("log "+uid, true)) &&
			l.under("describe "+name, call(l.alpha, "PUT", path+"?creatorUid=CRASH&description="+uid, nil, own...), func(told) { book.description = uid })
		if ok && i == 2 {
			ok = l.under("item "+name+" uid "+uid, call(l.alpha, "DELETE", path+"/contents?creatorUid=CRASH&uid="+uid, nil, own...), item("uid "+uid, false))
		}
	}
	ok = ok && l.profile(fmt.Sprintf("P%d", l.next()), noise(r, 3000)) && l.device(fmt.Sprintf("D%d", l.next()))
	if !ok || l.next()%3 != 0 {
		return
	}
	// Some do not stay.
	_ = l.under("item "+name+" hash "+hash, call(l.alpha, "DELETE", path+"/contents?creatorUid=CRASH&hash="+hash, nil, own...), item("hash "+hash, false)) &&
		l.under("package "+hash, call(l.alpha, "DELETE", "/Marti/sync/delete?hash="+hash, nil), func(told) { l.packages[hash] = nil }) &&
		l.under("mission "+name, call(l.alpha, "DELETE", path+"?creatorUid=CRASH", nil, own...), func(told) { book.deleted = true })
}

// profile makes one with a file.
func (l *ledger) profile(name string, content []byte) bool {
	book := &logbook{items: map[string]bool{}}
	path := "/Marti/api/device/profile/" + name
	return l.under("profile "+name, func() (told, error) { return l.admin.try("POST", path+"?group=A", nil) }, func(told) { l.profiles[name] = book }) &&
		l.under("item "+name+" file a.bin", func() (told, error) { return l.admin.try("PUT", path+"/file?filename=a.bin", content) },
			func(told) { book.items["file a.bin"] = true }) &&
		l.under("describe "+name, func() (told, error) { return l.admin.try("PUT", path, map[string]any{"tool": "t-" + name}) },
			func(told) { book.description = "t-" + name })
}

// device enrols one.
func (l *ledger) device(uid string) bool {
	key := p256(l.s.t)
	csr := csrText(l.s.t, key, "alpha")
	return l.under("device "+uid, func() (told, error) {
		return l.s.tryLogin(l.s.t, "alpha", "POST", "/Marti/api/tls/signClient/v2?clientUid="+uid+"&version=5", csr)
	}, func(a told) { l.devices[uid] = l.s.holder(l.s.t, "alpha", signedFor(l.s.t, key, a)) })
}

// checkAll is check for all runs.
func (l *ledger) checkAll(t *testing.T) (lost int) {
	t.Helper()
	for _, run := range l.past {
		l.records = run
		lost += l.check(t)
	}
	return lost
}

// turn begins the records of the next run.
func (l *ledger) turn() {
	l.past = append(l.past, l.records)
	l.records = newRecords()
}

// check compares the server with the ledger of the last run, takes over what was
// in doubt, and returns how many acknowledged things are lost.
func (l *ledger) check(t *testing.T) (lost int) {
	t.Helper()
	complain := func(format string, args ...any) {
		lost++
		t.Errorf(format, args...)
	}
	for name, book := range l.missions {
		lost += l.checkMission(t, name, book)
	}
	for op := range l.doubt {
		kind, rest, _ := strings.Cut(op, " ")
		switch {
		case kind == "mission" && l.missions[rest] == nil: // it may be there; it is nobody's then
		case kind == "package" && l.packages[rest] == nil && l.alpha.marti(t, "GET", "/Marti/sync/content?hash="+rest, nil).status == 200:
			if got := l.alpha.marti(t, "GET", "/Marti/sync/content?hash="+rest, nil).body; sum([]byte(got)) != rest {
				complain("%s is there and is broken", op)
			}
		}
	}
	for hash, content := range l.packages {
		a := l.alpha.marti(t, "GET", "/Marti/sync/content?hash="+hash, nil)
		switch {
		case l.doubt["package "+hash]:
			if a.status != 200 {
				l.packages[hash] = nil
			}
		case content == nil && a.status == 200:
			complain("deleted package %s is back", hash)
		case content != nil && (a.status != 200 || a.body != string(content)):
			complain("package %s: %d, %d bytes of %d", hash, a.status, len(a.body), len(content))
		}
	}
	for name, book := range l.profiles {
		lost += l.checkProfile(t, name, book)
	}
	for uid, m := range l.devices {
		if a, err := m.try("GET", "/Marti/api/version", nil); err != nil || a.status != 200 {
			complain("device %s: its certificate is not known any more: %v %d", uid, err, a.status)
		}
		m.http.CloseIdleConnections()
	}
	clear(l.doubt)
	return lost
}

func (l *ledger) checkMission(t *testing.T, name string, book *logbook) (lost int) {
	t.Helper()
	a := l.alpha.marti(t, "GET", "/Marti/api/missions/"+name+"?logs=true&changes=true", nil)
	if l.doubt["mission "+name] && a.status == http.StatusGone {
		book.deleted = true
	}
	want := http.StatusOK
	if book.deleted {
		want = http.StatusGone
	}
	if a.status != want {
		t.Errorf("mission %s: %d, wants %d: %.200s", name, a.status, want, a.body)
		return 1
	}
	if book.deleted {
		return 0
	}
	m := dataOf[[]missionJSON](t, a)[0]
	found := map[string]bool{}
	for _, u := range m.UIDs {
		found["uid "+u.Data] = true
	}
	for _, c := range m.Contents {
		found["hash "+c.Data.Hash] = true
	}
	for _, e := range m.Logs {
		found["log "+e.Content] = true
	}
	if l.doubt["describe "+name] {
		book.description = m.Description
	}
	if m.Description != book.description {
		lost++
		t.Errorf("mission %s: its description is %q, wants %q", name, m.Description, book.description)
	}
	return lost + l.compare(t, name, book, found)
}

func (l *ledger) checkProfile(t *testing.T, name string, book *logbook) (lost int) {
	t.Helper()
	path := "/Marti/api/device/profile/" + name
	a := l.admin.marti(t, "GET", path, nil)
	if a.status != 200 {
		t.Errorf("profile %s: %d", name, a.status)
		return 1
	}
	tool := dataOf[struct{ Tool string }](t, a).Tool
	if l.doubt["describe "+name] {
		book.description = tool
	}
	if tool != book.description {
		lost++
		t.Errorf("profile %s: its tool is %q, wants %q", name, tool, book.description)
	}
	found := map[string]bool{}
	for _, f := range dataOf[[]struct {
		ID   int64
		Name string
	}](t, l.admin.marti(t, "GET", path+"/files", nil)) {
		found["file "+f.Name] = true
		if b := l.admin.marti(t, "GET", fmt.Sprintf("%s/file/%d", path, f.ID), nil); b.status != 200 || len(b.body) != 3000 {
			lost++
			t.Errorf("profile %s: its file: %d, %d bytes", name, b.status, len(b.body))
		}
	}
	return lost + l.compare(t, name, book, found)
}

// compare checks the items of a mission or profile.
func (l *ledger) compare(t *testing.T, name string, book *logbook, found map[string]bool) (lost int) {
	t.Helper()
	for op := range l.doubt {
		if what, ours := strings.CutPrefix(op, "item "+name+" "); ours {
			if book.items[what] = found[what]; !found[what] {
				delete(book.items, what)
			}
		}
	}
	for what := range book.items {
		if !found[what] {
			lost++
			t.Errorf("%s has lost %s", name, what)
		}
	}
	for what := range found {
		if !book.items[what] {
			lost++
			t.Errorf("%s has %s again", name, what)
		}
	}
	return lost
}

// newLedger starts a server to be killed.
func newLedger(t *testing.T) *ledger {
	t.Helper()
	s := startTAK(t)
	s.group(t, "A")
	return &ledger{s: s, alpha: s.member(t, "alpha", "A"), admin: s.enrolled(t, "admin"), records: newRecords()}
}

// work runs scripts side by side until the server is gone, or each is through
// rounds times.
func (l *ledger) work(seed uint64, rounds int) {
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range rounds {
				select {
				case <-l.s.ended:
					return
				default:
					l.script(r)
				}
			}
		})
	}
	wg.Wait()
}

// complains checks what the server says of data it finds after it has died.
func (l *ledger) complains(t *testing.T) {
	t.Helper()
	for _, bad := range []string{"level=ERROR", `"level":"ERROR"`, "damaged"} {
		if log := l.s.log.String(); strings.Contains(log, bad) {
			t.Errorf("after it has died the server complains: %s", around(log, bad))
		}
	}
}

// died takes note of the end of a server that was killed.
func (l *ledger) died() {
	<-l.s.ended
	l.s.checkLog()
	l.alpha.http.CloseIdleConnections()
	l.admin.http.CloseIdleConnections()
}

// TestKilledAtRandom kills the server at moments of chance while it is changing
// missions, packages, profiles and devices. All that was acknowledged is there.
func TestKilledAtRandom(t *testing.T) {
	need(t)
	t.Parallel()
	l := newLedger(t)
	r, rounds := dice(), 6
	if raceEnabled {
		rounds = 2
	}
	lost := 0
	for i := range rounds {
		// So many changes later and a moment more: a busy machine makes few in a
		// given time.
		l.last = l.acks + 10 + r.IntN(60)
		l.kill = func() {
			time.AfterFunc(time.Duration(r.IntN(30_000))*time.Microsecond, func() { l.s.cmd.Process.Signal(syscall.SIGKILL) })
		}
		l.work(uint64(i), 1000)
		l.died()
		l.s.again()
		l.complains(t)
		lost += l.check(t)
		l.turn()
	}
	lost += l.checkAll(t)
	t.Logf("killed %d times, %d changes acknowledged, %d lost", rounds, l.acks, lost)
	if l.acks < 10*rounds {
		t.Errorf("only %d changes were acknowledged", l.acks)
	}
}

// syncs are the system calls by which data gets to the disk for good.
const syncs = "fsync,fdatasync,rename,renameat,renameat2"

// TestKilledAtEverySync kills the server at a call of fsync or rename, then at a
// later one, and so on through a run of changes. MUSTER_TEST_CRASH=all leaves none
// out.
func TestKilledAtEverySync(t *testing.T) {
	need(t, "strace")
	t.Parallel()
	l := newLedger(t)
	l.program = plainBinary(t)
	l.s.stop()
	points := 25
	if raceEnabled {
		points = 8
	}
	total := l.traced(t, 0, 0) // how many there are
	step := max(1, total/points)
	if os.Getenv("MUSTER_TEST_CRASH") == "all" {
		step = 1
	}
	killed, lost := 0, 0
	for at := 1; at <= total && !t.Failed(); at += step {
		n := l.traced(t, uint64(at), at)
		if n >= at {
			killed++
		}
	}
	l.s.again()
	l.complains(t)
	l.turn()
	lost += l.checkAll(t)
	t.Logf("a run has %d syncs; killed at %d of them; %d changes acknowledged, %d lost", total, killed, l.acks, lost)
	if killed < points/2 {
		t.Errorf("the server was killed %d times only", killed)
	}
}

// plainBinary is the program without the race detector, which under strace takes
// more patience than anybody has.
func plainBinary(t *testing.T) string {
	t.Helper()
	if !raceEnabled {
		return binary
	}
	file := filepath.Join(t.TempDir(), "muster")
	if out, err := exec.Command("go", "build", "-o", file, "../cmd/muster").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return file
}

// traced starts a server that stops at each of syncs, checks what the last run has
// left, runs a script, and kills the server at the at-th sync of it; 0 is never. It
// returns how often the server stopped.
func (l *ledger) traced(t *testing.T, seed uint64, at int) int {
	t.Helper()
	s := l.s
	// With -D the server is our child, not that of strace.
	s.log, s.ended = &lockedBuffer{}, make(chan struct{})
	s.cmd = exec.Command("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+syncs, "-e", "signal=none",
		"-e", "inject="+syncs+":signal=STOP", l.program, "serve", "--data", s.data)
	s.cmd.Env = append(environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var counting atomic.Bool
	var stops atomic.Int64
	pid := s.cmd.Process.Pid
	go func() {
		for stopped(pid) {
			if counting.Load() && stops.Add(1) == int64(at) {
				syscall.Kill(pid, syscall.SIGKILL)
				return
			}
			syscall.Kill(pid, syscall.SIGCONT)
		}
	}()
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	s.ready()
	l.complains(t)
	l.check(t)
	l.turn()
	counting.Store(true)
	l.work(seed, 1)
	n := int(stops.Load())
	if at == 0 || n < at {
		counting.Store(false)
		s.stop()
	}
	l.died()
	return n
}

// stopped waits until the process, a child of ours, is stopped by a signal; false
// means that it has ended.
func stopped(pid int) bool {
	const pPID, wStopped = 1, 2 // waitid(2)
	for {
		var info [128]byte
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), uintptr(unsafe.Pointer(&info)), wStopped, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0
		}
	}
}

// ready waits until a server that was started answers.
func (s *server) ready() {
	s.t.Helper()
	wait(s.t, time.Minute, "the server to be ready", func() error {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", s.ports["api"]))
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	})
	s.opened()
}
