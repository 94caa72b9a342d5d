# Reference numbers for the tests of evaluation, made once: Rscript make_oracles.R > oracles.json
# Debian 12: R 4.2.2, metafor 3.8, metadat 1.2, pROC 1.18.0, boot 1.3.28, psych 2.2.9, rms 6.5.0, jsonlite.
suppressMessages({library(metafor); library(metadat); library(pROC); library(boot); library(psych); library(rms); library(jsonlite)})

# Random effects: thirteen trials of BCG vaccine (log relative risks), and a homogeneous set of six.
summaries <- function(yi, vi) {
  out <- list(yi = yi, vi = vi)
  for (method in c("DL", "REML")) {
    fit <- rma(yi, vi, method = method, test = "knha")
    adhoc <- rma(yi, vi, method = method, test = "adhoc")
    half <- qt(.975, length(yi) - 2)
    out[[method]] <- list(
      estimate = as.numeric(fit$beta), tau2 = fit$tau2, se = fit$se, low = fit$ci.lb, high = fit$ci.ub,
      se_adhoc = adhoc$se, low_adhoc = adhoc$ci.lb, high_adhoc = adhoc$ci.ub, q = fit$QE, q_p = fit$QEp,
      predict_low = as.numeric(fit$beta) - half * sqrt(fit$tau2 + adhoc$se^2),
      predict_high = as.numeric(fit$beta) + half * sqrt(fit$tau2 + adhoc$se^2))
  }
  out
}
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)

# ICC: the six targets and four judges of Shrout and Fleiss, and a table with negative ICC.
judges <- matrix(c(9,2,5,8, 6,1,3,2, 8,4,6,8, 7,1,2,6, 10,5,6,9, 6,2,4,7), 6, byrow = TRUE)
flat <- matrix(c(1,5,2, 4,1,3, 2,3,5, 5,2,1, 3,4,2), 5, byrow = TRUE)
icc_of <- function(m) {
  r <- psych::ICC(m, lmer = FALSE)$results
  list(table = m, type = r$type, icc = r$ICC, low = r$`lower bound`, high = r$`upper bound`, p = r$p, F = r$F)
}

# A made-up table: outcome, three markers, and a reader's grade from 1 to 5 of the same 120 cases.
set.seed(3)
n <- 120
x1 <- round(rnorm(n), 2); x2 <- round(rnorm(n), 2); x3 <- round(rnorm(n), 2)
y <- rbinom(n, 1, plogis(-.6 + 1.0 * x1 + .5 * x2))
grade <- cut(.9 * x1 + .8 * y + rnorm(n), c(-Inf, -1, 0, .7, 1.5, Inf), labels = FALSE)
d <- data.frame(y, x1, x2, x3)
fit <- glm(y ~ x1 + x2 + x3, data = d, family = binomial)
set.seed(1)
valid <- rms::validate(lrm(y ~ x1 + x2 + x3, data = d, x = TRUE, y = TRUE), B = 2000)
of_grade <- roc(y, grade, quiet = TRUE, direction = "<")
pair <- roc.test(of_grade, roc(y, x2, quiet = TRUE, direction = "<"))
points <- coords(of_grade, "all", ret = c("threshold", "sensitivity", "specificity"), transpose = FALSE)

# Calibration error of those predictions: distance to lowess (span 2/3, no robustness steps, every point fitted).
p <- fitted(fit)
smooth <- lowess(p, y, iter = 0, delta = 0)
apart <- abs(p - approx(smooth, xout = p, ties = mean)$y)

# The same predictions made too extreme, too high and noisy: calibration coefficients and net benefit.
off <- plogis(.4 + 1.5 * qlogis(p) + .6 * x3)
logit_off <- qlogis(off)
recalibrated <- glm(y ~ logit_off, family = binomial)
at_large <- glm(y ~ 1, offset = logit_off, family = binomial)
of_rms <- rms::val.prob(as.numeric(off), y, pl = FALSE)
pt <- c(.1, .2, .35, .5, .8)
benefit <- function(treat, t) mean(treat & y == 1) - mean(treat & y == 0) * t / (1 - t)

# BCa limits of given replicates with given acceleration.
set.seed(2)
x <- c(rexp(25), 4)
b <- boot(x, function(v, i) mean(v[i]), R = 999)
L <- empinf(b, type = "jack")
bca <- boot.ci(b, conf = .95, type = c("perc", "bca"), L = L)

mc <- mcnemar.test(matrix(c(794, 86, 150, 570), 2), correct = FALSE)

cat(toJSON(list(
  bcg = summaries(as.numeric(bcg$yi), as.numeric(bcg$vi)),
  alike = summaries(c(.80, .82, .79, .81, .80, .82), c(.004, .003, .005, .004, .006, .003)),
  shrout_fleiss = icc_of(judges), negative = icc_of(flat),
  made_up = list(y = y, x1 = x1, x2 = x2, x3 = x3, grade = grade,
    p = as.numeric(p), ici = mean(apart), e50 = as.numeric(quantile(apart, .5)), e90 = as.numeric(quantile(apart, .9)),
    emax = max(apart), coef = as.numeric(coef(fit)), auc = as.numeric(auc(roc(y, fitted(fit), quiet = TRUE))),
    off = as.numeric(off), slope = as.numeric(coef(recalibrated)[2]), intercept = as.numeric(coef(recalibrated)[1]),
    citl = as.numeric(coef(at_large)), slope_rms = as.numeric(of_rms["Slope"]), intercept_rms = as.numeric(of_rms["Intercept"]),
    thresholds = pt, net_benefit = sapply(pt, function(t) benefit(off >= t, t)),
    treat_all = sapply(pt, function(t) benefit(TRUE, t)),
    cox_snell = 1 - exp(-(fit$null.deviance - fit$deviance) / n),
    nagelkerke = as.numeric(lrm(y ~ x1 + x2 + x3, data = d)$stats["R2"]),
    validate = list(names = rownames(valid), apparent = as.numeric(valid[, "index.orig"]),
      optimism = as.numeric(valid[, "optimism"]), corrected = as.numeric(valid[, "index.corrected"])),
    reader = list(auc_reader = as.numeric(pair$estimate[1]), auc_model = as.numeric(pair$estimate[2]),
      z = as.numeric(pair$statistic), p = pair$p.value, low = pair$conf.int[1], high = pair$conf.int[2],
      threshold = points$threshold, sensitivity = points$sensitivity, specificity = points$specificity)),
  bootstrap = list(x = x, replicates = as.numeric(b$t), percentile = bca$percent[4:5], bca = bca$bca[4:5]),
  mcnemar = list(statistic = as.numeric(mc$statistic), p = mc$p.value, exact = binom.test(86, 236)$p.value)
), digits = NA, auto_unbox = TRUE, na = "null"))
