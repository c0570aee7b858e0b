# Muster. `make help` explains every target.
SHELL := /bin/sh
GO ?= go
DATA ?= data
TAGS := codecs
GOFLAGS_BUILD := -tags $(TAGS)

.PHONY: help run test unit lint build static web web-check tak-clients softphone bench bench-cot bench-turn bench-sip bench-room bench-sfu bench-voice bench-call soak fuzz prompts clean check-go check-node

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: check-go ## install what is needed, build, and start the server with its data in ./data
	@scripts/packages.sh run
	@$(MAKE) --no-print-directory build
	@exec bin/muster serve --data $(DATA)

build: check-go ## build bin/muster
	@$(GO) build $(GOFLAGS_BUILD) -o bin/muster ./cmd/muster

static: check-go ## build bin/muster-static: no C, runs on any Linux of this architecture
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/muster-static ./cmd/muster

test: check-go ## everything CI checks: lint, pages, unit and end-to-end tests with the race detector
	@scripts/packages.sh test
	@$(MAKE) --no-print-directory lint web-check tak-clients softphone static build
	$(GO) test -race -tags $(TAGS) -timeout 30m ./...

unit: check-go ## the fast tests only
	$(GO) test -short ./...

lint: check-go ## gofmt, vet, staticcheck
	@bad=$$(gofmt -l cmd cot internal media sip turn voice web/*.go web/api web/front web/login web/notify web/situation web/webhook bench test 2>/dev/null); [ -z "$$bad" ] || { echo "gofmt these files: $$bad"; exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags $(TAGS) ./...

web: check-node ## build web/dist from web/ui (Node 20 or newer)
	cd web/ui && npm ci --no-audit --no-fund && npm run build

web-check: web ## check the pages' sources and that the committed web/dist is what they build
	cd web/ui && npm run check && npm test
	@git diff --exit-code --stat -- web/dist && [ -z "$$(git status --porcelain -- web/dist)" ] || { echo "web/dist differs from what web/ui builds: commit the result of 'make web'"; exit 1; }

tak-clients: check-node ## install the TAK clients of the end-to-end tests (npm)
	cd test/tak && npm ci

softphone: check-node ## install the telephone for browsers of the end-to-end tests (npm)
	cd test/softphone && npm ci

bench: build ## load figures; PEER=/path/to/mediamtx measures a peer in the same run
	$(GO) run ./bench/media -muster bin/muster $(if $(PEER),-peer $(PEER))

bench-turn: ## load figures of relays, side by side with coturn
	$(GO) run ./bench/turn

bench-sip: ## calls a second, with media, by sipp
	$(GO) run ./bench/sip

bench-room: ## parties that a core mixes, side by side with the AudioBridge of Janus (apt install janus)
	$(GO) run $(GOFLAGS_BUILD) ./bench/room

bench-sfu: ## what it costs to forward a picture to the browsers of a room
	$(GO) run $(GOFLAGS_BUILD) ./bench/sfu
	$(GO) run $(GOFLAGS_BUILD) ./bench/sfu -receivers 40 -packets 9
	$(GO) run $(GOFLAGS_BUILD) ./bench/sfu -packets 9
	$(GO) run $(GOFLAGS_BUILD) ./bench/sfu -receivers 200 -packets 9

bench-voice: ## Mumble voice and logins, side by side with murmurd (apt install mumble-server)
	$(GO) run ./bench/voice

bench-call: ## how long sound takes from a browser to a telephone, and a guest waits for the first picture
	MUSTER_TEST_DELAYS=$${ROUNDS:-10} $(GO) test $(GOFLAGS_BUILD) ./test -run '^TestHowLongPeopleWait$$' -count 1 -v | grep 'times:'

bench-cot: build ## load figures of the TAK server; PEER='command' PEER_ADDR=host:port measures a peer in the same run
	$(GO) run ./bench/cot -muster bin/muster $(if $(PEER),-peer '$(PEER)' -peer-addr $(PEER_ADDR))

soak: ## TAK clients that come and go for SOAK (default 1h), and what the server keeps of it
	MUSTER_TEST_SOAK=$${SOAK:-1h} $(GO) test ./test -run '^TestSoak$$' -timeout 0 -v

fuzz: ## every fuzz target for FUZZTIME (default 30s)
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} $$pkg || exit 1; \
	  done; done

prompts: ## speak sip/prompt/text into sip/prompt/sounds (espeak-ng, ffmpeg)
	scripts/prompts.sh

clean: ## remove what the other targets built
	rm -rf bin web/ui/node_modules test/tak/node_modules test/softphone/node_modules

check-go:
	@command -v $(GO) >/dev/null || { echo "Go is not installed. Get 1.26 or newer from https://go.dev/dl and put its bin folder on the PATH."; exit 1; }
	@v=$$($(GO) env GOVERSION | sed 's/^go//'); major=$${v%%.*}; rest=$${v#*.}; minor=$${rest%%[!0-9]*}; \
	[ "$$major" -gt 1 ] || [ "$$minor" -ge 26 ] || { echo "Go $$v is too old: Muster needs 1.26 or newer from https://go.dev/dl."; exit 1; }

check-node:
	@v=$$(node --version 2>/dev/null | sed 's/^v//'); v=$${v%%.*}; \
	[ "$${v:-0}" -ge 20 ] || { echo "The pages are built and checked with Node 20 or newer: get it from https://nodejs.org and put it on the PATH."; exit 1; }
