package ice

// Identity is the name of an object at its adapter.
type Identity struct{ Name, Category string }

// IsZero reports whether id names nothing, as in a null proxy.
func (id Identity) IsZero() bool { return id == Identity{} }

// The kinds of endpoints that are understood.
const endpointTCP = 1

// Endpoint is a TCP address that an object can be reached at.
type Endpoint struct {
	Host string
	Port int
}

// Proxy says where an object is. The zero Proxy is null.
type Proxy struct {
	ID        Identity
	Facet     string
	Oneway    bool       // calls expect no answer
	Endpoints []Endpoint // those over plain TCP; others are left out
}

// The modes of a proxy, as written.
const (
	proxyTwoway = 0
	proxyOneway = 1
)

// defaultTimeout is what Ice writes into endpoints, in milliseconds.
const defaultTimeout = 60_000

// Proxy writes p. Its endpoints are announced for encoding 1.0, which is what
// calls to it then come in.
func (e *Encoder) Proxy(p Proxy) {
	e.Identity(p.ID)
	if p.ID.IsZero() {
		return
	}
	e.facet(p.Facet)
	mode := byte(proxyTwoway)
	if p.Oneway {
		mode = proxyOneway
	}
	e.Byte(mode)
	e.Bool(false) // secure
	e.Size(len(p.Endpoints))
	if len(p.Endpoints) == 0 {
		e.String("") // adapter
	}
	for _, a := range p.Endpoints {
		e.Short(endpointTCP)
		var tcp Encoder
		tcp.String(a.Host)
		tcp.Int(int32(a.Port))
		tcp.Int(defaultTimeout)
		tcp.Bool(false) // compress
		e.encapsulation(tcp.b)
	}
}

// Proxy reads a proxy. In encoding 1.1 its protocol and encoding stand before
// the endpoints.
func (d *Decoder) Proxy() Proxy {
	p := Proxy{ID: d.Identity()}
	if p.ID.IsZero() {
		return Proxy{}
	}
	p.Facet = d.facet()
	p.Oneway = d.Byte() == proxyOneway
	d.Bool() // secure
	if d.v11 {
		d.take(4)
	}
	n := d.Count(2 + encapsulationHeader)
	if n == 0 {
		_ = d.String() // adapter of an indirect proxy: there is no registry to ask
	}
	for range n {
		kind := d.Short()
		body := d.encapsulation()
		if d.err != nil {
			return Proxy{}
		}
		if kind != endpointTCP {
			continue
		}
		a := Endpoint{Host: body.String(), Port: int(body.Int())}
		if body.err != nil || a.Port < 1 || a.Port > 65535 {
			d.fail("an endpoint that is none")
			return Proxy{}
		}
		p.Endpoints = append(p.Endpoints, a)
	}
	if d.err != nil {
		return Proxy{}
	}
	return p
}
