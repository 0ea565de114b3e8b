<?php
// SPDX-License-Identifier: MIT
// Asks the extension; each line is written at once, as a crash loses what is buffered.
$x = "forty-one";
$ask = function ($what, $call) {
    try {
        $answer = $call();
    } catch (ValueError $e) {
        $answer = get_class($e) . " " . $e->getMessage() . " " . $e->getCode();
    }
    fwrite(STDOUT, "$what=" . var_export($answer, true) . "\n");
};
$wanted = $argv[1];
$questions = [
    "variable" => fn() => probe_variable("x"),
    "running" => fn() => probe_running(),
    "string" => fn() => probe_string(),
    "throw" => fn() => probe_throw(),
];
foreach ($questions as $name => $call) {
    if ($wanted == $name || $wanted == "all") {
        $ask($name, $call);
    }
}
fwrite(STDOUT, "libphp=" . preg_match_all('/ r-xp .*libphp/', file_get_contents("/proc/self/maps")) . "\n");
