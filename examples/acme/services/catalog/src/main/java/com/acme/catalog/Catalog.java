package com.acme.catalog;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** What is for sale, by name, with its price in cents; rows of a database. */
@SpringBootApplication
@RestController
public class Catalog {
    private final JdbcTemplate database;

    Catalog(JdbcTemplate database) {
        this.database = database;
    }

    public static void main(String[] arguments) {
        SpringApplication.run(Catalog.class, arguments);
    }

    @GetMapping("/prices")
    Map<String, Integer> all() {
        Map<String, Integer> prices = new LinkedHashMap<>();
        database.query(
                "SELECT name, cents FROM prices ORDER BY name",
                row -> {
                    prices.put(row.getString("name"), row.getInt("cents"));
                });
        return prices;
    }

    @GetMapping("/prices/{name}")
    int one(@PathVariable String name) {
        List<Integer> found =
                database.queryForList("SELECT cents FROM prices WHERE name = ?", Integer.class, name);
        if (found.isEmpty()) {
            throw new ResponseStatusException(HttpStatus.NOT_FOUND, name + " is not for sale");
        }
        return found.get(0);
    }

    @PutMapping("/prices/{name}")
    @Transactional
    public void set(@PathVariable String name, @RequestBody int price) {
        database.update(
                "INSERT INTO prices (name, cents) VALUES (?, ?) ON CONFLICT DO NOTHING", name, price);
        database.update("UPDATE prices SET cents = ? WHERE name = ?", price, name);
    }
}
