/* SPDX-License-Identifier: MIT */
/* An extension of PHP that reads the executor's globals and hands out memory of PHP's
 * heap. php opens it RTLD_DEEPBIND, so that what it is linked to comes before the
 * executable: another libphp has never started, and knows no variable and no heap. */
#include <php.h>
#include <SAPI.h>
#include <zend_exceptions.h>

ZEND_BEGIN_ARG_INFO_EX(no_arguments, 0, 0, 0)
ZEND_END_ARG_INFO()
ZEND_BEGIN_ARG_INFO_EX(one_argument, 0, 0, 1)
    ZEND_ARG_INFO(0, name)
ZEND_END_ARG_INFO()

/* The program's own variable, out of EG(symbol_table); its text, or "none". */
static PHP_FUNCTION(probe_variable)
{
    zend_string *name;
    ZEND_PARSE_PARAMETERS_START(1, 1)
        Z_PARAM_STR(name)
    ZEND_PARSE_PARAMETERS_END();
    zval *found = zend_hash_find_ind(&EG(symbol_table), name);
    if (found)
        ZVAL_COPY(return_value, found);
    else
        ZVAL_EMPTY_STRING(return_value);
}

/* Whether the executor knows of the call that is being made. */
static PHP_FUNCTION(probe_running)
{
    ZEND_PARSE_PARAMETERS_NONE();
    RETVAL_BOOL(EG(current_execute_data) == execute_data);
}

static PHP_FUNCTION(probe_string)
{
    ZEND_PARSE_PARAMETERS_NONE();
    RETURN_STR(strpprintf(0, "%s %d", sapi_module.name ? sapi_module.name : "none", 6 * 7));
}

static PHP_FUNCTION(probe_throw)
{
    ZEND_PARSE_PARAMETERS_NONE();
    zend_throw_exception(zend_ce_value_error, "on purpose", 7);
}

static const zend_function_entry functions[] = {
    PHP_FE(probe_variable, one_argument)
    PHP_FE(probe_running, no_arguments)
    PHP_FE(probe_string, no_arguments)
    PHP_FE(probe_throw, no_arguments)
    PHP_FE_END
};

static zend_module_entry module = {
    STANDARD_MODULE_HEADER,
    "probe", functions, NULL, NULL, NULL, NULL, NULL, "1", STANDARD_MODULE_PROPERTIES
};

ZEND_DLEXPORT zend_module_entry *get_module(void);

ZEND_DLEXPORT zend_module_entry *get_module(void) { return &module; }
