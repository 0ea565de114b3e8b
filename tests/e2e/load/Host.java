// SPDX-License-Identifier: MIT
// A Java program that opens the plugin, which answers from JNI_OnLoad.
//   java Host.java PLUGIN
public class Host {
    public static void main(String[] arguments) {
        System.load(arguments[0]);
        System.out.println("done");
    }
}
