package com.acme.catalog;

import java.util.Map;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** What is for sale, by name, with its price in cents; kept in memory. */
@SpringBootApplication
@RestController
public class Catalog {
    private final NavigableMap<String, Integer> prices = new ConcurrentSkipListMap<>();

    public static void main(String[] arguments) {
        SpringApplication.run(Catalog.class, arguments);
    }

    @GetMapping("/prices")
    Map<String, Integer> all() {
        return prices;
    }

    @GetMapping("/prices/{name}")
    int one(@PathVariable String name) {
        Integer price = prices.get(name);
        if (price == null) {
            throw new ResponseStatusException(HttpStatus.NOT_FOUND, name + " is not for sale");
        }
        return price;
    }

    @PutMapping("/prices/{name}")
    void set(@PathVariable String name, @RequestBody int price) {
        prices.put(name, price);
    }
}
