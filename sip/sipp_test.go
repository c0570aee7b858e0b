package sip

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"muster/internal/run/runtest"
)

// lateOffer is a caller that sends no description in its INVITE, as media
// servers do that are driven by somebody else.
const lateOffer = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="late offer">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rtd="true" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
m=video 0 RTP/AVP 97
]]></send>
<pause milliseconds="100"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
`

// sipp runs calls of a scenario and fails where one of them does.
func sipp(t *testing.T, w *world, addr string, args ...string) {
	t.Helper()
	args = append(args, "-i", "127.0.0.1", "-p", fmt.Sprint(runtest.Port(t)), "-mp", fmt.Sprint(runtest.Port(t)),
		"-m", "30", "-r", "60", "-l", "60", "-nostdin", "-timeout", "20s", "-timeout_error", addr)
	cmd := exec.Command("sipp", args...)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sipp: %v\n%s", err, out)
	}
	eventually(t, "all calls are over", func() bool { return w.Stats().Calls == 0 })
}

func TestSippCallsInEveryWay(t *testing.T) {
	w := serve(t, nil)
	file := filepath.Join(t.TempDir(), "late.xml")
	if err := os.WriteFile(file, []byte(lateOffer), 0o600); err != nil {
		t.Fatal(err)
	}
	sipp(t, w, w.addr.String(), "-sf", file, "-s", "100")
	sipp(t, w, w.addr.String(), "-sn", "uac", "-s", "100")
	sipp(t, w, w.tcp, "-sn", "uac", "-s", "100", "-t", "t1")
	if n := w.Stats(); n.Answered != 90 || n.Failed != 0 || n.Malformed != 0 {
		t.Errorf("%+v", n)
	}
}
