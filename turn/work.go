package turn

import (
	"context"
	"hash/maphash"
	"net/netip"

	"muster/internal/run"
)

// Requests over UDP are answered apart from the data path, because some of them
// wait for the database. All of one client go to the same worker, in their order.
const (
	workers   = 4
	workQueue = 256 // requests that wait for a worker; newer ones are dropped, and come again
)

// job is a request that came over UDP.
type job struct {
	from netip.AddrPort
	raw  []byte
}

// work is the queues of the workers.
type work struct {
	seed   maphash.Seed
	queues [workers]chan job
}

func newWork() *work {
	w := &work{seed: maphash.MakeSeed()}
	for i := range w.queues {
		w.queues[i] = make(chan job, workQueue)
	}
	return w
}

// add copies raw and queues it.
func (s *Server) add(from netip.AddrPort, raw []byte) {
	if len(raw) > maxRequest {
		s.n.malformed.Add(1)
		return
	}
	q := s.work.queues[maphash.Comparable(s.work.seed, from)%workers]
	if len(q) == cap(q) { // before the copy is made
		s.n.dropped.Add(1)
		return
	}
	select {
	case q <- job{from, append([]byte(nil), raw...)}:
	default:
		s.n.dropped.Add(1)
	}
}

func (s *Server) startWorkers(g *run.Group) {
	for _, q := range s.work.queues {
		g.Go(func(ctx context.Context) {
			for {
				select {
				case <-ctx.Done():
					return
				case j := <-q:
					s.answer(ctx, j)
				}
			}
		})
	}
}

// answer serves one request; a panic costs that request.
func (s *Server) answer(ctx context.Context, j job) {
	defer run.Recover(s.log, part)
	if out := s.request(ctx, client{addr: j.from}, j.raw); out != nil {
		if e := s.engine.Load(); e != nil {
			e.send(e.dest(j.from), out)
		}
	}
}
