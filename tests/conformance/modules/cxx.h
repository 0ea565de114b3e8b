// SPDX-License-Identifier: MIT
#ifndef CXX_H
#define CXX_H

// Types that the program and two modules share; each has its own vtable and typeinfo.
struct Shape {
    virtual ~Shape() {}
    virtual int area() const = 0;
};
struct Circle : Shape {
    int area() const override { return 314; }
};
struct Square : Shape {
    int area() const override { return 400; }
};

// One variable in the process: STB_GNU_UNIQUE.
inline int counted()
{
    static int count;
    return ++count;
}

#endif
