// Package redact removes secrets from text that is about to be shown: log
// attributes, configuration lines in error messages, reasons in a health
// report. It is the second line of defence; the first is not to hand secrets to
// those places at all.
//
// It errs towards hiding too much, and it cannot know a secret that stands in
// running text without any mark.
package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// Mask is what stands in place of a secret.
const Mask = "[redacted]"

// secretWords are the last words of key names whose values are secrets.
var secretWords = map[string]bool{
	"password": true, "passwd": true, "pass": true, "passphrase": true, "pwd": true,
	"token": true, "jwt": true, "secret": true, "key": true, "authorization": true,
	"cookie": true, "cookies": true, "credential": true, "credentials": true,
}

// Key reports whether an attribute, parameter or configuration key of this name
// holds a secret: its last word is one of password, pass, passphrase, token,
// secret, key, authorization, cookie and the like. "streamKey" and
// "access_token" do; "keyFrame", "tokenID" and "passed" do not.
func Key(name string) bool {
	return secretWords[lastWord(name)]
}

// lastWord returns the last word of a camelCase, snake_case, kebab-case or
// dotted name in lower case.
func lastWord(name string) string {
	start := 0
	prevLower := false
	for i, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			start = i + 1
			prevLower = false
		case unicode.IsUpper(r) && prevLower:
			start = i
			prevLower = false
		default:
			prevLower = unicode.IsLower(r) || unicode.IsDigit(r)
		}
	}
	return strings.ToLower(name[min(start, len(name)):])
}

// rule masks one form in which secrets appear. needs are texts (lower case), by
// words; without any of them the expression cannot match. Looking for them
// first keeps ordinary log lines away from the regular expressions.
type rule struct {
	needs string
	re    *regexp.Regexp
	to    string
}

var rules = []rule{
	// Whole header lines, to the end of the line: Digest has many fields.
	{"authorization", regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*)[^\r\n]+`), "${1}" + Mask},
	{"cookie", regexp.MustCompile(`(?i)(cookie["']?\s*[:=]\s*)[^\r\n]+`), "${1}" + Mask},
	{"bearer", regexp.MustCompile(`(?i)\b(bearer\s+)[A-Za-z0-9+/=._~-]{12,}`), "${1}" + Mask},
	{"basic", regexp.MustCompile(`(?i)\b(basic\s+)[A-Za-z0-9+/=_-]{16,}`), "${1}" + Mask},
	// Muster's own tokens, wherever they stand.
	{"mst_", regexp.MustCompile(`(?i)mst_[A-Za-z0-9_.~-]+`), "mst_" + Mask},
	// Userinfo of URLs. A password with a bare @ is caught by the greedy first
	// alternative, one with a bare / by the second.
	{"://", regexp.MustCompile(`(://[^\s/:@"']*):(?:[^\s/]*|[^\s@]*)@`), "${1}:" + Mask + "@"},
	// SRT stream ids, "publish:path:user:pass" and "#!::m=publish,u=user,s=pass".
	{"publish:", regexp.MustCompile(`(?i)(publish:[^:\s"'&]*:[^:\s"'&]*:)[^\s"'&]+`), "${1}" + Mask},
	{"read:", regexp.MustCompile(`(?i)(read:[^:\s"'&]*:[^:\s"'&]*:)[^\s"'&]+`), "${1}" + Mask},
	{"#!::", regexp.MustCompile(`(#!::(?:[^\s"']*,)?s=)[^,\s"'&]+`), "${1}" + Mask},
	// name=value, in a query or anywhere else.
	{"=", regexp.MustCompile(`(?i)((?:\b|_)(?:pass|password|passwd|passphrase|pwd|token|jwt|secret|key|sig|signature)=["']?)[^&\s"',;)\]}]+`), "${1}" + Mask},
	{"=", regexp.MustCompile(`((?:[a-z]|\b[A-Z])(?:Pass|Password|Passphrase|Token|Secret|Key)=["']?)[^&\s"',;)\]}]+`), "${1}" + Mask},
	// JSON members and the fields of a printed struct ("Password:hunter2").
	{"\"", regexp.MustCompile(`(?i)("[\w.-]*(?:pass|password|passphrase|token|secret|key)"\s*:\s*")(?:[^"\\]|\\.)*"`), "${1}" + Mask + `"`},
	{"password: passphrase: secret: token:", regexp.MustCompile(`(?i)(\b\w*(?:password|passphrase|secret|token):)[^\s"',:}\]]+`), "${1}" + Mask},
}

// String returns s with every secret it recognises replaced by Mask.
func String(s string) string {
	for _, r := range rules {
		for need := range strings.FieldsSeq(r.needs) {
			if containsFold(s, need) {
				s = r.re.ReplaceAllString(s, r.to)
				break
			}
		}
	}
	return s
}

// containsFold reports whether s contains sub, which is lower-case ASCII,
// whatever the case of s. It does not allocate.
func containsFold(s, sub string) bool {
	if len(sub) == 1 {
		return strings.Contains(s, sub)
	}
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0]|0x20 && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}

var configLine = regexp.MustCompile(`^(\s*(?:- )?\s*["']?)([\w.-]+)(["']?\s*:\s*)(\S.*)$`)

// configWords mark a configuration key as secret anywhere in its name, also
// misspelt, since the line is shown exactly when something is wrong with it.
var configWords = regexp.MustCompile(`(?i)pass|pasw|pwd|secret|token|key$|credential`)

// configFlow is the same inside "{…}" on one line.
var configFlow = regexp.MustCompile(`(?i)((?:pass|pasw|pwd|secret|token|credential)\w*["']?\s*:\s*|\w*key["']?\s*:\s*)[^\s,{}\[\]][^,}\]]*`)

// ConfigLine returns one line of a YAML file as it may be shown: the value is
// masked when the key sounds like a secret, other secrets as by String. The
// key keeps its place, so a caret below it still fits.
func ConfigLine(line string) string {
	if m := configLine.FindStringSubmatch(line); m != nil && configWords.MatchString(m[2]) {
		return m[1] + m[2] + m[3] + Mask
	}
	if strings.ContainsAny(line, "{[") {
		line = configFlow.ReplaceAllString(line, "${1}"+Mask)
	}
	return String(line)
}
