package wire

import (
	"fmt"
	"strings"
)

// event wraps detail and more attributes into an event of that type.
func event(typ, attrs, detail string) string {
	return `<event version="2.0" uid="a9f3f8e2-66b6-4c0c-9c55-1f6c64b7f0a1" type="` + typ + `" how="h-g-i-g-o" ` + attrs +
		` time="2026-03-01T12:00:05.250Z" start="2026-03-01T12:00:05Z" stale="2026-03-02T12:00:05.123456789Z">` +
		`<point lat="52.516275" lon="-13.377704" hae="78.4" ce="9999999" le="999999"/>` + detail + `</event>`
}

// route is one of so many way points.
func route(points int) string {
	var b strings.Builder
	b.WriteString(`<detail>`)
	for i := range points {
		fmt.Fprintf(&b, `<link uid="p-%06d" callsign="CP%d" type="b-m-p-w" point="52.%06d,13.%06d,0.0" remarks="" relation="c"/>`, i, i, i, 2*i)
	}
	b.WriteString(`<link_attr color="-1" method="Driving" prefix="CP" type="Vehicle" stroke="3"/><__routeinfo><__navcues/></__routeinfo>` +
		`<contact callsign="Route 7"/><archive/></detail>`)
	return event("b-m-r", "", b.String())
}

// corpus holds events of the kinds that clients send, by name.
func corpus() map[string]string {
	chat := `<detail><__chat parent="RootContactGroup" groupOwner="false" messageId="2f5b1c9e" chatroom="ADLER 1" id="ANDROID-90" senderCallsign="FALKE 2">` +
		`<chatgrp uid0="ANDROID-5f" uid1="ANDROID-90" id="ANDROID-90"/></__chat><link uid="ANDROID-5f" type="a-f-G-U-C" relation="p-p"/>` +
		`<__serverdestination destinations="10.0.0.7:4242:tcp:ANDROID-5f"/>` +
		`<remarks source="BAO.F.ATAK.ANDROID-5f" to="ANDROID-90" time="2026-03-01T12:01:00.000Z">Grüße &amp; &lt;bis&gt; später &#x1F600; &#65;</remarks>` +
		`<marti><dest callsign="ADLER 1"/></marti></detail>`
	return map[string]string{
		"position":    sa,
		"chat":        event("b-t-f", "", chat),
		"delivered":   event("b-t-f-d", "", `<detail><__chatreceipt parent="RootContactGroup" groupOwner="false" messageId="2f5b" chatroom="A" id="B" senderCallsign="C"><chatgrp uid0="1" uid1="2" id="2"/></__chatreceipt><link uid="1" type="a-f" relation="p-p"/></detail>`),
		"read":        event("b-t-f-r", "", `<detail><__chat messageId="2f5b"/><marti><dest uid="1"/><dest callsign="X &amp; Y"/></marti></detail>`),
		"route":       route(2000),
		"shape":       event("u-d-f", "", `<detail><link point="1.0,2.0"/><link point="1.5,2.5"/><strokeColor value="-65536"/><strokeWeight value="3.0"/><fillColor value="-1761672601"/><contact callsign="Shape 1"/><remarks/><labels_on value="true"/><shape><polyline closed="true"><vertex lat="1" lon="2"/></polyline></shape></detail>`),
		"circle":      event("u-d-c-c", "", `<detail><shape><ellipse major="226.98" minor="226.98" angle="360"/><link uid="x.Style" type="b-x-KmlStyle" relation="p-c"><Style><LineStyle><color>ffffffff</color><width>3.0</width></LineStyle></Style></link></shape><__geofence trigger="Both" tracking="false"/><height unit="meters" value="3">3</height></detail>`),
		"casevac":     event("b-r-f-h-c", "", `<detail><contact callsign="MED.12"/><_medevac_ title="MED.12" casevac="false" freq="0.0" urgent="1" zone_prot_marker="1"><zMistsMap><zMist title="ZMIST1" z="" m="" i="" s="" t=""/></zMistsMap></_medevac_></detail>`),
		"sensor":      event("b-m-p-s-p-loc", "", `<detail><sensor azimuth="45" fov="60" vfov="40" range="200" elevation="0" model="M 1" fovAlpha="0.2"/><contact callsign="Kamera"/></detail>`),
		"emergency":   event("b-a-o-tbl", "", `<detail><link uid="ANDROID-5f" type="a-f-G-U-C" relation="p-p"/><contact callsign="FALKE 2-Alert"/><emergency type="911 Alert">FALKE 2</emergency></detail>`),
		"video":       event("b-i-v", "", `<detail><__video uid="a9" url="rtsp://tak.example.net:8554/drohne1?a=1&amp;b=2"><ConnectionEntry uid="a9" alias="Drohne 1" protocol="rtsp" address="tak.example.net" port="8554" path="/drohne1" rtspReliable="1"/></__video><contact callsign="Drohne 1"/></detail>`),
		"cdata":       event("b-t-f", "", `<detail><remarks><![CDATA[a </event> & <b> ]] > c]]></remarks><x><![CDATA[]]></x><![CDATA[loose]]></detail>`),
		"comments":    event("a-n-G", "", `<detail><!-- first </event> --><track speed="0" course="0"/><!----><a><!-- <b> --></a></detail>`),
		"text":        event("a-n-G", "", `<detail>loose &amp; text<b/> more </detail>`),
		"quotes":      `<event uid='it"s' type='a-f-G' version='2.0' time='2026-03-01T12:00:05.250Z' start='2026-03-01T12:00:05.250Z' stale='2026-03-01T12:06:20.250Z' how = "m-g"><point lat = '1' lon='2'/><detail><contact callsign='O&apos;Neil "x"'/><takv os='a' version='b' device='' platform='d'/></detail></event>`,
		"lines":       "<event\r\n\tversion=\"2.0\" uid=\"u\" type=\"a-f-G\" how=\"m-g\"\r\n time=\"2026-03-01T12:00:05Z\" start=\"2026-03-01T12:00:05Z\" stale=\"2026-03-01T12:06:20Z\">\r\n  <point lat=\"1\" lon=\"2\" hae=\"NaN\" ce=\"\" le=\"x\"></point >\r\n  <detail>\r\n    <contact callsign=\"a\nb&#10;c\"/>\r\n  </detail>\r\n</event >",
		"typed":       event("a-f-G", "", `<detail><precisionlocation geopointsrc="GPS" altsrc="DTED0"/><status battery="0"/><contact callsign="A" endpoint="*:-1:stcp"/><track speed="12.5" course="359.999"/><__group name="Dark Blue" role="K9"></__group></detail>`),
		"untyped":     event("a-f-G", "", `<detail><status battery="81" readiness="true"/><contact callsign="A" phone="1"/><track speed="1" course="2" slope="3"/><takv os="1"/><__group name="Cyan" role="HQ"><x/></__group><precisionlocation altsrc="GPS">t</precisionlocation></detail>`),
		"names":       event("a-f-G", `xmlns:x="urn:x" x:a="1"`, `<detail x:b="2"><x:el x:y="1"/><_flow-tags_ TAK-Server-1a="2026-03-01T12:00:05.251Z"/><größe/></detail>`),
		"header":      event("a-f-G", `access="Unclassified" qos="5-r-g" opex="o-x" caveat="FOUO &lt;1&gt;" releasableTo="DEU"`, `<detail/>`),
		"undefined":   event("a-f-G", `access="Undefined"`, ``),
		"emptydetail": event("a-f-G", ``, `<detail></detail>`),
		"more":        event("a-f-G", ``, `<detail/><extra a="1">x</extra>`),
		"ping":        `<event version="2.0" uid="A-ping" type="t-x-c-t" how="m-g" time="2026-03-01T12:00:05Z" start="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:15Z"><point lat="0.0" lon="0.0" hae="0.0" ce="9999999" le="9999999"/><detail/></event>`,
		"request":     `<event version="2.0" uid="b3c2" type="t-x-takp-q" how="m-g" time="2026-03-01T12:00:05Z" start="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:15Z"><point lat="0.0" lon="0.0" hae="0.0" ce="999999" le="999999"/><detail><TakControl><TakRequest version="1"/></TakControl></detail></event>`,
	}
}

// canonical says what an element means, so that two spellings of it can be
// compared.
func canonical(el Element) string {
	r := reader{b: el.Raw, limits: trusted}
	if _, err := r.next(); err != nil {
		return err.Error()
	}
	attrs := map[string]string{}
	for i := range r.nattrs {
		a := r.at(i)
		attrs[string(r.bytes(a.name))] = r.value(a).string()
	}
	s := fmt.Sprintf("<%s %q>", el.Name, attrs)
	for c := range el.Children() {
		s += canonical(c)
	}
	return s + fmt.Sprintf("%q</>", strings.TrimSpace(el.Text()))
}
