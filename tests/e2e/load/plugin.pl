# SPDX-License-Identifier: MIT
# A Perl program that opens the plugin as a module's loader does.
#   plugin.pl PLUGIN
use strict;
use warnings;
require DynaLoader;
my $library = DynaLoader::dl_load_file($ARGV[0], 0) or die DynaLoader::dl_error();
my $symbol = DynaLoader::dl_find_symbol($library, 'boot_pyplugin') or die 'no boot_pyplugin';
DynaLoader::dl_install_xsub('main::boot', $symbol);
main::boot();
print "done\n";
