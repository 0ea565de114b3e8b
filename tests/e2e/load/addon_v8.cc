// SPDX-License-Identifier: MIT
// An addon that uses V8's C++ interface, whose layout is one version's: a name of Node
// 18's libnode that Node 20 defines too says nothing, so this must never be bound to it.
#include <node.h>

static void answer(const v8::FunctionCallbackInfo<v8::Value> &info)
{
    v8::Isolate *isolate = info.GetIsolate();
    info.GetReturnValue().Set(v8::String::NewFromUtf8(isolate, "v8").ToLocalChecked());
}

static void init(v8::Local<v8::Object> exports)
{
    NODE_SET_METHOD(exports, "answer", answer);
}

NODE_MODULE(NODE_GYP_MODULE_NAME, init)
