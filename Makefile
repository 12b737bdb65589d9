# Short verbs for everyday work; `make` alone lists them.

runtime := linux-$(subst x86_64,x64,$(subst aarch64,arm64,$(shell uname -m)))
scripts := lab/setup lab/compose lab/build lab/up lab/show lab/failover lab/in lab/capture lab/wrong packaging/deb $(wildcard packaging/debian/p* packaging/completion/*.bash .ci/*) tests/check tests/headers tests/run tests/slowest tests/failures tests/kernels/run tests/kernels/guest/init
bpf := $(wildcard bpf/*.c bpf/*.h tests/EbpfLb.Lab/Programs/*.c tests/EbpfLb.Lab/Programs/*.h tests/EbpfLb.Unit/Native/Refused/*.c bench/EbpfLb.Bench/bpf/*.c bench/EbpfLb.Bench/bpf/*.h docs/learn/*.c)

# Read by the build from the environment: `make build BPF_DEBUG=1` turns bpf_printk on.
export BPF_DEBUG

# Which lab: `make lab LAB=vrrp`; the plain one without it.
export LAB

.PHONY: help build package docs lab lab-down check test kernels soak mutants fuzz bench format format-check clean

help: ## list these verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r verb does; do \
		printf '  make %-14s %s\n' "$$verb" "$$does"; done

build: ## compile the runner (artifacts/ebpf-lb) and the eBPF objects (artifacts/bpf/)
	@lab/setup build
	dotnet publish src/EbpfLb --configuration Release --runtime $(runtime) --output artifacts/publish
	install artifacts/publish/ebpf-lb artifacts/ebpf-lb

package: build ## make a Debian package for this machine's architecture (artifacts/ebpf-lb_*.deb)
	packaging/deb artifacts/ebpf-lb

docs: ## write the pages of docs/reference that are generated from the code
	dotnet run --project packaging/EbpfLb.Manual -- --reference docs/reference

lab: ## bring the lab up and show ten balanced requests; LAB=vrrp or LAB=ecmp for two balancers, one of which is killed under load
	@lab/setup lab
	@lab/up
	@lab/show

lab-down: ## stop the lab and remove all of it; LAB=vrrp for that one
	@lab/compose down --volumes --remove-orphans

check: ## the inner loop: format of what changed, units, the central specs on tc
	@lab/setup
	@tests/check

test: ## run every test, in containers of their own
	@lab/setup
	@tests/run $(TEST_OPTIONS)

kernels: ## run the balancer on the kernels that this distribution packages, in virtual machines; KERNELS="6.1" for one, PACKET_CASES=1 for more
	@lab/setup lab kernels
	@lab/build
	@tests/kernels/run $(KERNELS)

soak: export EBPFLB_SOAK = 1
soak: ## run every test with the sizes and durations of a soak, for half an hour
	@lab/setup
	@tests/run $(TEST_OPTIONS)

mutants: ## put faults into a copy of the code and tell which no test notices (tests/mutants); ONLY=NAMES for some
	@lab/setup build
	dotnet run --project tests/EbpfLb.Mutants -- $(if $(ONLY),--only '$(ONLY)') $(if $(NEAREST),--nearest) \
		$(if $(CHECK),--check)

fuzz: export EBPFLB_SOAK = 1
fuzz: export EBPFLB_PACKETS = $(PACKETS)
fuzz: ## run ten million random packets through the datapath, or PACKETS of them; EBPFLB_SEED repeats a run
	@lab/setup build
	dotnet test --project tests/EbpfLb.Unit --show-live-output on \
		--filter-class '*.DatapathMatchesTheModel' --filter-class '*.HostileFrames'

bench: ## measure, beside peers and by itself, for docs/benchmarks/; QUICK=1 for a first look, PARTS="peers control" for some
	@lab/setup
	dotnet run --project bench/EbpfLb.Bench --configuration Release -- \
		$(if $(QUICK),--quick) $(if $(PARTS),--parts $(PARTS))

format: ## format the C# and the C code
	dotnet format
	clang-format -i $(bpf)

format-check: ## check the format, the eBPF headers and the scripts; changes nothing
	@lab/setup build checks
	dotnet format --verify-no-changes
	clang-format --dry-run -Werror $(bpf)
	tests/headers
	shellcheck --external-sources --check-sourced $(scripts)
	.ci/prose

clean: ## remove everything that was built
	rm -rf artifacts src/*/bin src/*/obj tests/*/bin tests/*/obj bench/*/bin bench/*/obj examples/*/bin examples/*/obj
