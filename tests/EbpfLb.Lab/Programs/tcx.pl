# Attaches a program to the tcx hook (Linux 6.6) of an interface, for what arrives: no tool of Debian 12 knows how.
# Prints the number of the process that holds the link, until somebody ends it.
#
#   perl tcx.pl OBJECT INTERFACE      the program is the object's section "tc", and uses no maps
use strict;
use warnings;
use POSIX qw(uname);

my ($object, $interface) = @ARGV;
my $bpf = { x86_64 => 321, aarch64 => 280 }->{(uname())[4]} or die "the number of bpf(2) is not known here\n";

my $log = "\0" x 65536; # the verifier's

# bpf(2), whose attributes are followed by zeros where they are not given.
sub bpf {
    my ($what, $command, $attributes) = @_;
    $attributes .= "\0" x (128 - length $attributes);
    my $fd = syscall($bpf, $command, $attributes, length $attributes);
    die "$what: $!\n", unpack 'Z*', $log if $fd < 0;
    return $fd;
}

sub section {
    my ($elf, $name) = @_;
    my ($table, $size, $count, $names) = unpack 'x40 Q x10 S S S', $elf;
    my @headers = map { [unpack 'L x20 Q Q', substr $elf, $table + $_ * $size, $size] } 0 .. $count - 1;
    my %section = map {
        my ($at, $offset, $length) = @$_;
        unpack('Z*', substr $elf, $headers[$names][1] + $at) => substr $elf, $offset, $length;
    } @headers;
    die "the object's section $name is to be relocated, which this does not know how to do\n" if $section{".rel$name"};
    return $section{$name} // die "the object has no section $name\n";
}

open my $file, '<:raw', $object or die "$object: $!\n";
my $code = section(do { local $/; <$file> }, 'tc');
open my $index, '<', "/sys/class/net/$interface/ifindex" or die "$interface: $!\n";
my $license = "Dual MIT/GPL\0";

# BPF_PROG_LOAD of BPF_PROG_TYPE_SCHED_CLS, BPF_LINK_CREATE at BPF_TCX_INGRESS
my $program = bpf('loading', 5, pack 'L L P P L L P', 3, length($code) / 8, $code, $license, 1, length $log, $log);
bpf('attaching', 28, pack 'L L L L', $program, <$index> + 0, 46, 0);

my $holder = fork // die "forking: $!\n";
print "$holder\n" and exit if $holder;
open $_, '>', '/dev/null' for *STDOUT, *STDERR; # nobody waits for these
sleep;
