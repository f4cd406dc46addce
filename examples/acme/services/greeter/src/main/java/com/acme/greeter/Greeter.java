package com.acme.greeter;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.concurrent.Executors;
import java.util.jar.Attributes;
import java.util.jar.Manifest;

/** Greets with its version and commit, and keeps notes on its data volume. */
public final class Greeter {
    static final String GREETING = "Hello";

    private final Path notes;
    private final Attributes build;

    Greeter(Path notes, Attributes build) {
        this.notes = notes;
        this.build = build;
    }

    public static void main(String[] arguments) throws IOException {
        int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 8080;
        String data = System.getenv().getOrDefault("GREETER_DATA", "data");
        Path notes = Files.createDirectories(Path.of(data, "notes"));
        Greeter greeter = new Greeter(notes, ownManifest());
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", greeter::greet);
        server.createContext("/health", exchange -> answer(exchange, 200, "healthy\n"));
        server.createContext("/notes/", greeter::note);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        System.out.println("greeter " + greeter.build.getValue("Implementation-Version")
                + " listens on port " + port);
    }

    private void greet(HttpExchange exchange) throws IOException {
        if (!exchange.getRequestURI().getPath().equals("/")) {
            answer(exchange, 404, "there is nothing here\n");
            return;
        }
        answer(exchange, 200, GREETING + " from greeter "
                + build.getValue("Implementation-Version")
                + " (commit " + build.getValue("Git-Commit") + ")\n");
    }

    private void note(HttpExchange exchange) throws IOException {
        String name = exchange.getRequestURI().getPath().substring("/notes/".length());
        if (!name.matches("[a-z0-9-]{1,40}")) {
            answer(exchange, 400, "a note's name has small letters, digits and dashes\n");
            return;
        }
        Path file = notes.resolve(name);
        switch (exchange.getRequestMethod()) {
            case "PUT" -> {
                Path draft = Files.createTempFile(notes, ".", ".draft");
                Files.write(draft, exchange.getRequestBody().readAllBytes());
                Files.move(draft, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
                answer(exchange, 201, "noted\n");
            }
            case "GET" -> {
                if (Files.exists(file)) {
                    answer(exchange, 200, Files.readString(file));
                } else {
                    answer(exchange, 404, "there is no such note\n");
                }
            }
            default -> answer(exchange, 405, "GET or PUT\n");
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(status, body.length);
        try (exchange) {
            exchange.getResponseBody().write(body);
        }
    }

    /** The manifest of our own JAR among those on the class path. */
    private static Attributes ownManifest() throws IOException {
        Enumeration<URL> found = Greeter.class.getClassLoader().getResources("META-INF/MANIFEST.MF");
        while (found.hasMoreElements()) {
            try (InputStream stream = found.nextElement().openStream()) {
                Attributes attributes = new Manifest(stream).getMainAttributes();
                if (Greeter.class.getName().equals(attributes.getValue("Main-Class"))) {
                    return attributes;
                }
            }
        }
        return new Attributes();
    }
}
